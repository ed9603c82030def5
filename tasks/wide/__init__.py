"""Cards of the tasks that the SatCLIP paper does not have, one file per task."""
