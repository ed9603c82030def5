// Sorting by DataTables, the filters of the front page, and records that open when a link leads to them.
"use strict";

const OPTIONS = {
  paging: false,
  info: false,
  autoWidth: false,
  order: [],
  layout: { topStart: null, topEnd: null, bottomStart: null, bottomEnd: null },
};

function makeSortable(DataTable, table, filter) {
  const kinds = [...table.tHead.rows[0].cells].map((cell) => cell.dataset.kind);
  const columnDefs = [
    { targets: places(kinds, "score"), orderSequence: ["desc", "asc"], type: "num" },
    { targets: places(kinds, "rank"), type: "num" },
    { targets: places(kinds, "none"), orderable: false },
    // The first definition of a column counts. Without this one a third click would undo sorting.
    { targets: "_all", orderSequence: ["asc", "desc"] },
  ];
  const made = new DataTable(table, { ...OPTIONS, columnDefs });
  if (filter) made.search.fixed("filters", (_text, _data, row) => filter(made.row(row).node()));
  return made;
}

function places(kinds, kind) {
  return kinds.flatMap((one, place) => (one === kind ? [place] : []));
}

function startFilters(DataTable, form) {
  const boards = [...document.querySelectorAll(".board")];
  const tables = new Map();
  const field = (name) => form.elements[name]?.value ?? "";

  const fits = (row) =>
    (!field("family") || row.dataset.family === field("family")) &&
    (!field("seen") || row.dataset.seen === field("seen")) &&
    (!field("verified") || row.dataset.verified !== "no") &&
    row.cells[0].textContent.toLowerCase().includes(field("search").trim().toLowerCase());

  function chooseProbe() {
    const probes = new Set(boards.filter((b) => b.dataset.split === field("split")).map((b) => b.dataset.probe));
    const select = form.elements.probe;
    for (const option of select.options) option.disabled = !probes.has(option.value);
    if (!probes.has(select.value)) select.value = probes.has("linear") ? "linear" : [...probes][0];
  }

  function update() {
    chooseProbe();
    let shown = 0, rows = 0;
    for (const board of boards) {
      board.hidden = board.dataset.split !== field("split") || board.dataset.probe !== field("probe");
      if (board.hidden) continue;
      if (!tables.has(board)) tables.set(board, makeSortable(DataTable, board.querySelector("table"), fits));
      const table = tables.get(board);
      const edition = field("edition");
      table.columns().every(function () {
        const of = this.header().dataset.edition;
        if (of) this.visible(!edition || of === edition);
      });
      table.draw();
      shown += table.rows({ search: "applied" }).count();
      rows += table.rows().count();
    }
    document.getElementById("no-board").hidden = rows > 0;
    document.getElementById("status").textContent = `${shown} of ${rows} rows. Ranks are among all rows of the board.`;
  }

  function remember() {
    const state = new URLSearchParams({ split: field("split"), probe: field("probe") });
    history.replaceState(null, "", `#${state}`);
  }

  const state = new URLSearchParams(location.hash.slice(1));
  for (const name of ["split", "probe"]) {
    const values = [...form.elements[name].options].map((option) => option.value);
    if (values.includes(state.get(name))) form.elements[name].value = state.get(name);
  }
  form.addEventListener("input", update);
  form.addEventListener("change", remember);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
  update();
}

function openTarget() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!(target instanceof HTMLDetailsElement)) return;
  target.open = true;
  target.scrollIntoView();
}

window.addEventListener("hashchange", openTarget);
openTarget();
window.datatables.then(({ default: DataTable }) => {
  const form = document.getElementById("filters");
  if (form) startFilters(DataTable, form);
  else for (const table of document.querySelectorAll(".sortable")) makeSortable(DataTable, table);
  window.tablesAreSortable = true;
});
