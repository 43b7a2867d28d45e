"use strict";
// Repeats effkit/analysis/decide.py on the numbers of one run; a test holds both to the same answers.
const whatIf = (() => {
  const together = (outcomes) => (outcomes.includes("fails") ? "fails" : outcomes.includes("open") ? "open" : "meets");

  const held = (low, high, limit) =>
    high !== null && high <= limit ? "meets" : low !== null && low > limit ? "fails" : "open";

  function quality(rival, margin) {
    if (rival.reference) return "meets";
    if (rival.enough_from !== null && rival.worse_below !== null)
      return margin > rival.enough_from ? "meets" : margin < rival.worse_below ? "fails" : "open";
    return Math.abs(margin - rival.own_margin) <= 1e-9 * rival.own_margin ? rival.own_outcome : "open";
  }

  // What is known, what it may be at most, and the ends of its interval; null are not known.
  function rateOf(known, most, ends, luck) {
    if (known === null) return null;
    const [low, high] = ends === null ? [known, known] : ends;
    const tops = [high, most].filter((each) => each !== null);
    return { known, most: most === null ? known : most, low, high: tops.length ? Math.max(...tops) : null, luck };
  }

  // The ends of its interval whatever process serves.
  const shownOf = ({ low, high, luck }) =>
    luck === null ? [null, null] : [low === null ? null : low * Math.exp(-luck), high === null ? null : high * Math.exp(luck)];

  const scaled = (ends, by) => ends.map((each) => (each === null ? null : by * each));

  const shownWithin = (rival, limit) => rival.tail_high_s !== null && rival.tail_high_s <= limit;

  function usableWithin(numbers, rival, latency) {
    const asked = latency === null ? null : latency - rival.away_s;
    if (asked === null && rival.saturation_per_s !== null) {
      const ends = scaled(rival.saturation_ends_per_s || [null, null], numbers.head_room);
      return rateOf(numbers.head_room * rival.saturation_per_s, null, ends, rival.luck);
    }
    const seen = [...rival.tails, ...rival.bounded];
    const tested = rival.saturation_per_s !== null || seen.length;
    if (asked === null || !tested || (asked === rival.own_limit_s && rival.usable_per_s !== null))
      return rateOf(rival.usable_per_s, rival.most_per_s, rival.usable_ends_per_s, rival.luck);
    const beyond = seen.findIndex(([, tail]) => tail > asked);
    const kept = beyond < 0 ? seen.length : beyond;
    if (kept === 0) return null;
    const [rate, tail] = seen[kept - 1];
    if (kept >= rival.tails.length) return rateOf(rate, rival.saturation_per_s, null, rival.luck);
    const [nextRate, nextTail] = rival.tails[kept];
    const part = (asked - tail) / (nextTail - tail);
    return rateOf(between(rate, nextRate, part, rival.saturation_per_s), null, [rate, nextRate], rival.luck);
  }

  // Waiting grows about as 1 / (1 - rate / saturation).
  function between(low, high, part, saturation) {
    if (saturation === null || high >= saturation) return low + part * (high - low);
    const [idleLow, idleHigh] = [1 - low / saturation, 1 - high / saturation];
    return saturation * (1 - 1 / (1 / idleLow + part * (1 / idleHigh - 1 / idleLow)));
  }

  function serving(numbers, rival, knobs) {
    const perWorker = usableWithin(numbers, rival, knobs.latency);
    if (knobs.traffic === null || perWorker === null) return null;
    const [known, possible, low, high] = scaled(
      [perWorker.known, perWorker.most, perWorker.low, perWorker.high],
      numbers.workers_per_machine,
    );
    const rate = { known, most: possible, low, high, luck: perWorker.luck };
    const needed = (each) => Math.max(1, Math.ceil((knobs.traffic / each) * (1 - 1e-9)));
    const [most, fewest] = [needed(known), needed(possible)];
    const shared = { rate, assessed: rival.assessed };
    const [found, least] = [most, fewest].map((machines) => ({ ...shared, ...withMachines(numbers, rival, knobs, machines) }));
    const bounded = fewest < most && low !== null && needed(low) === most;
    const ends = endsOf(numbers, rival, knobs, needed, rate);
    const [enough, leastNeeded] = shownOf(rate).map((each) => (each ? needed(each) : null));
    return { ...found, ...ends, enough, fewest: leastNeeded, fewer: fewest >= most ? null : least, at_most: bounded };
  }

  const servesMore = (numbers, one, other) => {
    const [low, high] = [shownOf(one.rate)[0], shownOf(other.rate)[1]];
    return low !== null && high !== null && low > high * (1 + numbers.noise);
  };

  const differByChance = (numbers, one, other) =>
    ![...shownOf(one.rate), ...shownOf(other.rate)].includes(null) &&
    !servesMore(numbers, one, other) &&
    !servesMore(numbers, other, one);

  const needsFewer = (numbers, one, other) =>
    one !== null &&
    other !== null &&
    one.assessed &&
    other.assessed &&
    one.enough !== null &&
    other.fewest !== null &&
    servesMore(numbers, one, other) &&
    one.enough <= numbers.saved_share * other.fewest;

  // The ends of money and carbon: those of the rate and of the energy, both lower ones together.
  function endsOf(numbers, rival, knobs, needed, { low, high }) {
    const [least, most] = rival.above_idle_ends_j;
    const off = rival.energy_off;
    const at = (rate, above, times) =>
      rate ? withMachines(numbers, { ...rival, above_idle_j: above }, knobs, needed(rate), times) : { money: null, carbon: null };
    const found = [at(high, least, 1 / off), at(low, most, off)];
    return { money_ends: found.map((each) => each.money), carbon_ends: found.map((each) => each.carbon) };
  }

  function withMachines(numbers, rival, { traffic, price, grid }, machines, times = 1) {
    let energy = null, money = null, carbon = null;
    if (rival.idle_w !== null && rival.above_idle_j !== null)
      energy = 1000 * ((machines * rival.idle_w) / traffic + rival.above_idle_j) * times;
    if (price !== null)
      money =
        (machines * price) / (3.6 * traffic) +
        ((1000 * rival.moved_bytes) / numbers.bytes_per_gb) * numbers.transfer_per_gb +
        (((1000 * machines * rival.kept_bytes) / numbers.bytes_per_gb) * numbers.storage_per_gb_month) /
          (traffic * numbers.month_s);
    if (energy !== null && grid !== null)
      carbon =
        (energy / numbers.j_per_kwh) * grid * numbers.pue +
        1000 * ((machines * numbers.embodied_g_per_hour) / (3600 * traffic));
    return { machines, money, energy, carbon };
  }

  function weigh(numbers, rival, knobs) {
    const served = serving(numbers, rival, knobs);
    const found = { quality: quality(rival, knobs.margin) };
    if (knobs.latency !== null) found.latency = held(rival.p99_low_s, rival.p99_high_s, knobs.latency);
    if (found.latency === "meets" && knobs.traffic !== null) {
      const shown = served !== null && shownWithin(rival, knobs.latency - rival.away_s);
      const tested = rival.tails.length || rival.bounded.length;
      found.latency = rival.untested || (tested && !shown) ? "open" : "meets";
    }
    for (const [what, limit] of [["carbon", numbers.carbon_limit_g], ["money", numbers.money_limit]])
      if (limit !== null) {
        const told = served !== null && served[what] !== null && rival.repeated;
        const [low, high] = told ? served[`${what}_ends`] : [null, null];
        found[what] = held(low, high, limit);
      }
    return { outcome: together([rival.fixed, ...Object.values(found)]), found, serving: served };
  }

  function savesNothing(numbers, less, more, weighed, knobs) {
    let one = weighed[less].serving, other = weighed[more].serving;
    if (one === null || other === null || needsFewer(numbers, one, other)) return false;
    if (one.fewer || other.fewer) return false; // how many either needs is not known
    if (differByChance(numbers, one, other)) {
      // A machine more or less would be chance, and so would all that it costs.
      const machines = Math.max(one.machines, other.machines);
      [one, other] = [less, more].map((place) => withMachines(numbers, numbers.rivals[place], knobs, machines));
    }
    const pairs = [[one.money, other.money]];
    if (numbers.rivals[less].rank === numbers.rivals[more].rank) {
      if (one.energy === null || other.energy === null) return false;
      pairs.push([one.energy, other.energy]);
    }
    return pairs.every(([mine, theirs]) => mine === null || theirs === null || mine > numbers.saved_share * theirs);
  }

  function decide(numbers, knobs) {
    const weighed = numbers.rivals.map((rival) => weigh(numbers, rival, knobs));
    const passing = [...weighed.keys()].filter((place) => weighed[place].outcome === "meets");
    if (!passing.length) {
      const kind = weighed.some((each) => each.outcome === "open") ? "open" : "none";
      return { kind, chosen: null, enough: null, weighed, passedOver: null };
    }
    const fewer = (place, other) => needsFewer(numbers, weighed[other].serving, weighed[place].serving);
    const first = passing.find((place) => !passing.some((other) => fewer(place, other)));
    const better = (top, place) => (numbers.rivals[place].difference > numbers.rivals[top].difference ? place : top);
    const preferred = passing.filter((place) => numbers.rivals[place].preferred);
    const best = preferred.length ? preferred.reduce(better) : null;
    if (best !== null && first !== best && savesNothing(numbers, first, best, weighed, knobs))
      return { kind: "indifferent", chosen: best, enough: first, weighed, passedOver: null };
    const reference = numbers.rivals.findIndex((rival) => rival.reference);
    const kind = first < reference ? "smaller" : first === reference ? "reference" : "larger";
    return { kind, chosen: first, enough: null, weighed, passedOver: first === passing[0] ? null : passing[0] };
  }

  // As effkit/report/units.py shows numbers; toFixed alone rounds a tie up, Python to the even digit.
  function rounded(value, decimals) {
    const scaled = value * 10 ** decimals;
    const tie = Number.isInteger(value * 2 ** (decimals + 1)) && scaled % 1 === 0.5;
    return (tie && Math.floor(scaled) % 2 === 0 ? Math.floor(scaled) / 10 ** decimals : value).toFixed(decimals);
  }

  function show(value, scales) {
    if (value === null) return "–";
    const fits = ([divisor]) => (value === 0 ? divisor === 1 : Math.abs(value) >= divisor * 0.9995);
    const [divisor, unit] = scales.find(fits) || scales[scales.length - 1];
    const scaled = value / divisor;
    const plain = Number.isInteger(scaled) && Math.abs(scaled) < 100;
    const decimals = plain ? 0 : Math.max(0, 2 - Math.floor(Math.log10(Math.abs(scaled))));
    const [whole, part] = rounded(scaled, decimals).split(".");
    return `${grouped(whole)}${part ? "." + part : ""}\u00a0${unit}`.trim();
  }

  const grouped = (digits) => digits.replace(/\B(?=(\d{3})+$)/g, ",");

  function cell(run, head, still, weighed) {
    const served = weighed.serving;
    const texts = {
      machines: () => grouped(String(served.machines)),
      money: () => (served.money === null ? "–" : show(served.money, run.scales.count) + run.currency),
      served_energy: () => show(served.energy, run.scales.j),
      carbon: () => show(served.carbon, run.scales.g),
    };
    if (!head.moves) return still;
    const outcome = weighed.found[head.key] || null;
    if (!(head.key in texts)) return { ...still, outcome };
    const text = served === null ? "–" : texts[head.key]();
    return { text: served !== null && served.at_most && text !== "–" ? `at most ${text}` : text, detail: "", outcome };
  }

  function hidden(key, knobs) {
    if (!["machines", "money", "served_energy", "carbon"].includes(key)) return false;
    return knobs.traffic === null || (key === "money" && knobs.price === null) || (key === "carbon" && knobs.grid === null);
  }

  const inside = (pixels, [from, to]) => (pixels >= from && pixels <= to ? pixels : null);

  function shown(run, knobs, rate) {
    const made = decide(run.numbers, knobs);
    const named = (place) => (place === null ? "" : run.labels[place]);
    const words = {
      chosen: named(made.chosen), enough: named(made.enough), passed_over: named(made.passedOver), rate,
      reference: run.labels[run.numbers.rivals.findIndex((rival) => rival.reference)],
    };
    const notes = [];
    if (knobs.margin !== run.begin.margin) notes.push(run.explores);
    if (made.kind !== run.begin.kind || made.chosen !== run.begin.chosen) notes.push(run.as_asked);
    if (run.waiting && knobs.latency !== null && knobs.traffic !== null) notes.push(run.waiting);
    const patterns = made.passedOver === null ? run.patterns : run.passed_over;
    const drawn = run.front;
    return {
      kind: made.kind,
      chosen: made.chosen,
      sentence: patterns[made.kind].replace(/\{(\w+)\}/g, (_, word) => words[word]),
      notes,
      hidden: run.heads.map((head) => hidden(head.key, knobs)),
      lines: made.weighed.map((weighed, place) => ({
        state: place === made.chosen ? "chosen" : weighed.outcome,
        cells: run.heads.map((head, column) => cell(run, head, run.still[place][column], weighed)),
      })),
      margin_px: drawn && inside(drawn.margin_at + drawn.margin_per * knobs.margin, drawn.height),
      limit_px:
        drawn && drawn.limit_drawn && knobs.latency !== null
          ? inside(drawn.limit_at + drawn.limit_per * Math.log10(knobs.latency), drawn.width)
          : null,
    };
  }

  return { decide, show, shown };
})();

function whatIfPanel(panel) {
  const run = JSON.parse(panel.querySelector("script").textContent);
  const part = (name) => panel.querySelector(`[data-part="${name}"]`);
  const controls = run.sliders.map((slider) => {
    const box = panel.querySelector(`[data-knob="${slider.knob}"]`);
    return { slider, box, range: box.querySelector("[type=range]"), on: box.querySelector("[type=checkbox]"), told: box.querySelector("output") };
  });
  const rows = [...panel.querySelectorAll("tbody tr")].map((row) => ({ row, cells: [...row.querySelectorAll("td")] }));
  const heads = [...panel.querySelectorAll("thead th")].slice(1);
  const marks = [...panel.querySelectorAll("[data-place]")].sort((a, b) => a.dataset.place - b.dataset.place);

  function read() {
    const { latency, traffic, price, grid } = run.begin; // of what has no slider
    const knobs = { latency, traffic, price, grid };
    let rate = "";
    for (const { slider, range, on } of controls) {
      const asked = !on || on.checked;
      knobs[slider.knob] = asked ? slider.values[range.value] : null;
      if (slider.knob === "traffic" && asked) rate = slider.words[range.value];
    }
    return [knobs, rate];
  }

  function tell(knobs) {
    for (const { slider, box, range, on, told } of controls) {
      const asked = !on || on.checked;
      const idle = (slider.knob === "price" || slider.knob === "grid") && knobs.traffic === null;
      range.disabled = !asked || idle;
      if (on) on.disabled = idle;
      box.classList.toggle("idle", range.disabled);
      const words = idle ? "needs a traffic" : asked ? slider.words[range.value] : slider.off;
      told.textContent = words;
      range.setAttribute("aria-valuetext", words);
    }
  }

  function line(name, pixels, x) {
    const found = part(name);
    if (!found) return;
    found.toggleAttribute("hidden", pixels === null);
    found.setAttribute("visibility", pixels === null ? "hidden" : "visible");
    if (pixels !== null) found.setAttribute("transform", x ? `translate(${pixels} 0)` : `translate(0 ${pixels})`);
  }

  function fill(td, cell, hide) {
    td.hidden = hide;
    const [text, outcome] = [td.querySelector("b"), td.querySelector(".held")];
    if (text.textContent !== cell.text) text.textContent = cell.text;
    outcome.textContent = cell.outcome || "";
    outcome.className = `held held-${cell.outcome || "none"}`;
  }

  function redraw() {
    const [knobs, rate] = read();
    const now = whatIf.shown(run, knobs, rate);
    tell(knobs);
    if (part("sentence").textContent !== now.sentence) part("sentence").textContent = now.sentence;
    part("notes").replaceChildren(...now.notes.map((note) => Object.assign(document.createElement("p"), { textContent: note })));
    heads.forEach((head, column) => { head.hidden = now.hidden[column]; });
    rows.forEach(({ row, cells }, place) => {
      const { state, cells: told } = now.lines[place];
      row.className = state;
      const tag = row.querySelector(".state");
      tag.textContent = state;
      tag.className = `state state-${state}`;
      cells.forEach((td, column) => fill(td, told[column], now.hidden[column]));
    });
    for (const mark of marks) mark.setAttribute("class", `mark mark-${now.lines[mark.dataset.place].state}`);
    const top = marks.find((mark) => Number(mark.dataset.place) === now.chosen);
    if (top && top.nextElementSibling) top.parentNode.append(top);
    line("margin", now.margin_px, false);
    line("limit", now.limit_px, true);
  }

  function reset() {
    for (const { slider, range, on } of controls) {
      range.value = slider.start;
      if (on) on.checked = slider.on;
    }
    redraw();
  }

  panel.addEventListener("input", redraw);
  part("reset").addEventListener("click", reset);
  part("knobs").hidden = false;
  reset(); // a browser that comes back to the page keeps sliders where they were
}

if (typeof document !== "undefined") document.querySelectorAll(".what-if").forEach(whatIfPanel);
