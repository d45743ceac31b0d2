// The report as people read it.
const round = (value) => (Math.abs(value) >= 100 ? Math.round(value) : Number(value.toPrecision(3)));
const columns = (rows) => {
  const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => String(row[i]).length)));
  return rows.map((row) => row.map((cell, i) => (i === 0 ? String(cell).padEnd(widths[i]) : String(cell).padStart(widths[i]))).join("  "));
};

function figures(row) {
  const names = Object.keys(row.figures);
  const measures = [...new Set(names.flatMap((name) => Object.keys(row.figures[name])))];
  const text = (value) => value === undefined ? "" : typeof value === "object"
    ? `${round(value.median)} (${round(value.min)}-${round(value.max)})` : typeof value === "number" ? round(value) : value;
  return columns([["", ...measures], ...names.map((name) => [name, ...measures.map((m) => text(row.figures[name][m]))])]);
}

export function table(report) {
  const lines = [];
  for (const [name, row] of Object.entries(report.rows)) lines.push("", `${name} (${row.unit}; median (range))`, ...figures(row));
  const goals = Object.values(report.rows).flatMap((row) => row.goals);
  if (goals.length === 0) return lines.join("\n");
  lines.push("", "against the goals", ...columns([["", "measured", "goal", "", ""], ...goals.map((goal) => {
    const met = goal.at_least !== undefined ? goal.ratio >= goal.at_least : goal.ratio <= goal.at_most;
    return [goal.what, round(goal.ratio), goal.at_least !== undefined ? `>= ${goal.at_least}` : `<= ${goal.at_most}`,
            goal.unit ?? "x", met ? "met" : "NOT met"];
  })]));
  return lines.join("\n");
}
