// The threshold explorer: two sliders, and what they change for 1,000 patients. No library, no request.
// It counts as overread.evaluation.explorer.of_thousand does, from the sensitivities in #explorer-data.
(() => {
  "use strict";
  const RAREST = 0.001;
  const COMMONEST = 0.5;
  const COLUMNS = 50;
  const STEP = 10;
  const DASH = "–";

  const dials = JSON.parse(document.getElementById("explorer-data").textContent);
  const at = (id) => document.getElementById("x-" + id);
  const inputs = { score: at("score"), threshold: at("threshold"), prevalence: at("prevalence") };
  const steps = Number(inputs.prevalence.max);

  // Two significant digits: what a physician says.
  const short = (value) => Number(value.toPrecision(2));
  const prevalenceAt = (step) => RAREST * (COMMONEST / RAREST) ** (step / steps);
  const stepOf = (share) => (steps * Math.log(share / RAREST)) / Math.log(COMMONEST / RAREST);
  const percent = (share) => Number((100 * share).toPrecision(3)) + "\u202f%";
  const number = (value) => (Number.isFinite(value) ? value.toFixed(3) : DASH);
  const whole = (value) => Math.floor(value + 0.5);

  function ofThousand(sensitivity, specificity, prevalence) {
    const present = whole(1000 * prevalence);
    const found = whole(present * sensitivity);
    const alarms = whole((1000 - present) * (1 - specificity));
    const hits = prevalence * sensitivity;
    const wrong = (1 - prevalence) * (1 - specificity);
    const losses = prevalence * (1 - sensitivity);
    const rests = (1 - prevalence) * specificity;
    return {
      present, found, alarms, missed: present - found, passed: 1000 - present - alarms,
      ppv: hits / (hits + wrong), npv: rests / (losses + rests), calls: (hits + wrong) / hits,
    };
  }

  // Round line ends turn lines of no length into dots: one path holds all patients of a kind.
  function dots(from, count) {
    let path = "";
    for (let k = from; k < from + count; k += 1) {
      path += `M${STEP / 2 + STEP * (k % COLUMNS)} ${STEP / 2 + STEP * Math.floor(k / COLUMNS)}h0`;
    }
    return path;
  }

  function draw(one) {
    const alarms = dots(one.present, one.alarms);
    at("dots-found").setAttribute("d", dots(0, one.found));
    at("dots-missed").setAttribute("d", dots(one.found, one.missed));
    at("dots-alarm").setAttribute("d", alarms);
    at("holes").setAttribute("d", alarms);
    at("dots-passed").setAttribute("d", dots(one.present + one.alarms, one.passed));
  }

  const state = { dial: dials[0], prevalence: dials[0].prevalence };

  function show() {
    const [threshold, sensitivity, specificity] = state.dial.stops[Number(inputs.threshold.value)];
    const one = ofThousand(sensitivity, specificity, state.prevalence);
    const own = Number(inputs.threshold.value) === state.dial.chosen;
    const said = Number(threshold.toPrecision(3)) + (own ? ", the bundle's" : "");
    const words = {
      "threshold-said": said, "prevalence-said": percent(state.prevalence),
      present: one.present, called: one.found + one.alarms, found: one.found, alarms: one.alarms,
      missed: one.missed, "n-found": one.found, "n-missed": one.missed, "n-alarms": one.alarms,
      "n-passed": one.passed, sensitivity: number(sensitivity), specificity: number(specificity),
      ppv: number(one.ppv), npv: number(one.npv),
      calls: Number.isFinite(one.calls) ? (one.calls < 9.95 ? one.calls.toFixed(1) : whole(one.calls)) : DASH,
    };
    for (const [id, text] of Object.entries(words)) at(id).textContent = text;
    inputs.threshold.setAttribute("aria-valuetext", said);
    inputs.prevalence.setAttribute("aria-valuetext", percent(state.prevalence));
    draw(one);
  }

  function mark(element, share) {
    element.hidden = share === null;
    element.style.setProperty("--at", share ?? 0);
  }

  function setPrevalence(share) {
    state.prevalence = share;
    inputs.prevalence.value = stepOf(share);
  }

  function choose(index) {
    const { stops, chosen, prevalence } = (state.dial = dials[index]);
    inputs.threshold.max = stops.length - 1;
    inputs.threshold.value = chosen ?? Math.floor(stops.length / 2);
    mark(at("mark"), chosen === null ? null : chosen / (stops.length - 1));
    mark(at("tested"), stepOf(prevalence) / steps);
    at("own").disabled = chosen === null;
    setPrevalence(prevalence);
    show();
  }

  inputs.score?.addEventListener("change", () => choose(Number(inputs.score.value)));
  inputs.threshold.addEventListener("input", show);
  inputs.prevalence.addEventListener("input", () => {
    state.prevalence = short(prevalenceAt(Number(inputs.prevalence.value)));
    show();
  });
  at("own").addEventListener("click", () => {
    inputs.threshold.value = state.dial.chosen;
    show();
  });
  at("here").addEventListener("click", () => {
    setPrevalence(state.dial.prevalence);
    show();
  });

  at("panel").hidden = false;
  at("table").open = false;
  // A browser that comes back to the page restores select and sliders: take the select, begin anew with it.
  choose(inputs.score ? Number(inputs.score.value) : 0);
})();
