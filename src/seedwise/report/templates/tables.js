// Tables with class "sort" get buttons in their heads, and long ones a filter.  Without this the page is whole, only still.
for (const table of document.querySelectorAll("table.sort")) {
  const body = table.tBodies[0], rows = [...body.rows];
  if (rows.length < 3 || rows.some(row => [...row.cells].some(cell => cell.colSpan > 1))) continue;
  const value = (row, column) => {
    const cell = row.cells[column], given = cell.dataset.value;
    const text = given ?? cell.innerText.trim();
    const number = text.replace("\u2212", "-").replaceAll(",", "").match(/^[<>\u00b1]? ?([-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?)(?![\w.-])/i);
    return [number ? Number(number[1]) : NaN, text];  // a date, and an id that begins with a digit, are words
  };
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const down = head.ariaSort === "ascending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.ariaSort = down ? "descending" : "ascending";
      const sign = down ? -1 : 1;
      body.append(...rows.toSorted((first, second) => {
        const [a, said] = value(first, column), [b, other] = value(second, column);
        if (isNaN(a) !== isNaN(b)) return isNaN(a) ? 1 : -1;  // what has no number stays below
        return sign * (isNaN(a) ? said.localeCompare(other) : a - b);
      }));
    });
  });
  if (rows.length > 8) {
    const field = document.createElement("input");
    field.type = "search";
    field.placeholder = "filter rows";
    field.ariaLabel = "Filter the rows of this table";
    field.className = "filter";
    field.addEventListener("input", () => {
      const words = field.value.toLowerCase().split(/\s+/);
      for (const row of rows) row.hidden = !words.every(word => row.innerText.toLowerCase().includes(word));
    });
    (table.closest(".scroll") ?? table).before(field);
  }
}
