from satclip_bench.encoders import check_encoder, get_encoder


def test_it_obeys_the_contract() -> None:
    check_encoder(get_encoder("daylight"))


def test_days_at_the_equator_last_twelve_hours() -> None:
    embedding = get_encoder("daylight").encode([[0, 0], [0, 90]])
    assert abs(embedding[0, :12] - 0.5).max() < 1e-6
    assert set(embedding[1, :12].round(6)) == {0.0, 1.0}
