// Sorting by DataTables, filters, the answers of the front page, and records that open by a link to them.
"use strict";

const OPTIONS = {
  paging: false,
  info: false,
  autoWidth: false,
  order: [],
  layout: { topStart: null, topEnd: null, bottomStart: null, bottomEnd: null },
};

// Fields that choose the board, each among the boards that fit those before it.
const CHOICES = ["run", "split", "probe"];

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
    (!field("verified") || row.dataset.verified === "yes") &&
    row.cells[0].textContent.toLowerCase().includes(field("search").trim().toLowerCase());

  // Choices that no board has together with those before it are not offered.
  function limitChoices() {
    const before = [];
    for (const name of CHOICES.filter((choice) => form.elements[choice])) {
      const fitting = boards.filter((b) => before.every((one) => b.dataset[one] === field(one)));
      const values = new Set(fitting.map((b) => b.dataset[name]));
      const select = form.elements[name];
      for (const option of select.options) option.disabled = !values.has(option.value);
      if (!values.has(select.value)) select.value = values.has("linear") ? "linear" : [...values][0];
      before.push(name);
    }
  }

  function update() {
    limitChoices();
    let shown = 0, rows = 0;
    for (const board of boards) {
      board.hidden = CHOICES.some((name) => form.elements[name] && board.dataset[name] !== field(name));
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
    const chosen = CHOICES.filter((name) => form.elements[name]);
    const state = new URLSearchParams(chosen.map((name) => [name, field(name)]));
    history.replaceState(null, "", `#${state}`);
  }

  const state = new URLSearchParams(location.hash.slice(1));
  for (const name of CHOICES.filter((choice) => form.elements[choice])) {
    const values = [...form.elements[name].options].map((option) => option.value);
    if (values.includes(state.get(name))) form.elements[name].value = state.get(name);
  }
  form.addEventListener("input", update);
  form.addEventListener("change", remember);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
  update();
}

// The answer is the cell of the table "Who leads" in the row and column that are chosen.
function startFinder(form) {
  const answer = document.getElementById("answer");
  const rows = document.querySelector(".leads").tBodies[0].rows;
  function update() {
    const { task, place } = form.elements;
    const cell = rows[task.selectedIndex].cells[1 + place.selectedIndex];
    answer.replaceChildren(...cell.cloneNode(true).childNodes);
  }
  form.addEventListener("input", update);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
  update();
}

// Shows the rows of a table that have all the words of a field.
function startSearch(form, table) {
  const status = form.querySelector("[role=status]");
  const has = (row) => {
    const text = row.textContent.toLowerCase();
    return form.elements.words.value.toLowerCase().split(/\s+/).every((word) => text.includes(word));
  };
  table.search.fixed("words", (_text, _data, row) => has(table.row(row).node()));
  form.addEventListener("input", () => {
    table.draw();
    status.textContent = `${table.rows({ search: "applied" }).count()} of ${table.rows().count()} rows.`;
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
}

function openTarget() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!(target instanceof HTMLDetailsElement)) return;
  for (let one = target; one; one = one.parentElement.closest("details")) one.open = true;
  target.scrollIntoView();
}

window.addEventListener("hashchange", openTarget);
openTarget();
window.datatables.then(({ default: DataTable }) => {
  const form = document.getElementById("filters");
  if (form) {
    startFinder(document.getElementById("finder"));
    startFilters(DataTable, form);
  } else {
    for (const table of document.querySelectorAll(".sortable")) {
      const made = makeSortable(DataTable, table);
      if (table.matches(".searchable")) startSearch(document.querySelector(".search"), made);
    }
  }
  window.tablesAreSortable = true;
});
