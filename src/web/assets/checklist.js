// Keeps what was ticked, in this browser only. A new revision of a checklist begins anew: its steps may be others.

const key = (list) => `checklist:${list.id}:${list.dataset.revision}`;

const read = (list) => {
  try {
    return new Set(JSON.parse(localStorage.getItem(key(list)) ?? "[]"));
  } catch {
    return new Set();
  }
};

const keep = (list, done) => {
  try {
    for (const old of Object.keys(localStorage)) {
      if (old.startsWith(`checklist:${list.id}:`) && old !== key(list)) localStorage.removeItem(old);
    }
    localStorage.setItem(key(list), JSON.stringify([...done]));
  } catch {
    // Storage may be off; then ticks last as long as the page.
  }
};

for (const list of document.querySelectorAll(".checklist")) {
  const steps = [...list.querySelectorAll("input[data-step]")];
  const done = read(list);
  const say = () => {
    list.querySelector(".done").textContent = `${steps.filter((step) => step.checked).length} of ${steps.length} done`;
  };
  for (const step of steps) {
    step.checked = done.has(step.dataset.step);
    step.addEventListener("change", () => {
      if (step.checked) done.add(step.dataset.step);
      else done.delete(step.dataset.step);
      keep(list, done);
      say();
    });
  }
  say();
}
