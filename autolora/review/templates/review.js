"use strict";
(() => {
  const { schema, run, review, kind, say } = JSON.parse(document.getElementById("review").textContent);
  const cards = [...document.querySelectorAll("[data-answer]")];
  const reviewer = document.getElementById("reviewer");
  const status = document.getElementById("status");
  const STORED = `autolora-review-${review}`;
  const NUMBER = /^[-+\u2212]?([0-9]+\.?[0-9]*|\.[0-9]+)$/;
  const NO_CLASS = "–";

  const fill = (phrase, values) => phrase.replace(/\{(\w+)\}/g, (_, name) => values[name]);
  // Halves of characters become U+FFFD, as they would in the file.
  const wellFormed = (text) => new TextDecoder("utf-8", { ignoreBOM: true }).decode(new TextEncoder().encode(text));

  // ------------------------------------------------------------------------------------- SHA-256 (FIPS 180-4)

  // crypto.subtle is not there in every browser for a page opened from a file.
  const sha256 = (text) => {
    const primes = [];
    for (let n = 2; primes.length < 64; n++) if (primes.every((prime) => n % prime)) primes.push(n);
    const fraction = (root) => ((root - Math.floor(root)) * 2 ** 32) | 0;
    const constants = primes.map((prime) => fraction(Math.cbrt(prime)));
    const hash = primes.slice(0, 8).map((prime) => fraction(Math.sqrt(prime)));
    const bytes = new TextEncoder().encode(text);
    const padded = new DataView(new ArrayBuffer(Math.ceil((bytes.length + 9) / 64) * 64));
    bytes.forEach((byte, at) => padded.setUint8(at, byte));
    padded.setUint8(bytes.length, 0x80);
    padded.setUint32(padded.byteLength - 8, Math.floor(bytes.length / 2 ** 29));
    padded.setUint32(padded.byteLength - 4, bytes.length << 3);
    const turned = (word, by) => (word >>> by) | (word << (32 - by));
    for (let block = 0; block < padded.byteLength; block += 64) {
      const w = Array.from({ length: 64 }, (_, at) => (at < 16 ? padded.getInt32(block + 4 * at) : 0));
      for (let at = 16; at < 64; at++) {
        const s0 = turned(w[at - 15], 7) ^ turned(w[at - 15], 18) ^ (w[at - 15] >>> 3);
        const s1 = turned(w[at - 2], 17) ^ turned(w[at - 2], 19) ^ (w[at - 2] >>> 10);
        w[at] = (w[at - 16] + s0 + w[at - 7] + s1) | 0;
      }
      let [a, b, c, d, e, f, g, h] = hash;
      for (let at = 0; at < 64; at++) {
        const big1 = turned(e, 6) ^ turned(e, 11) ^ turned(e, 25);
        const one = (h + big1 + ((e & f) ^ (~e & g)) + constants[at] + w[at]) | 0;
        const big0 = turned(a, 2) ^ turned(a, 13) ^ turned(a, 22);
        const two = (big0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
        [h, g, f, e, d, c, b, a] = [g, f, e, (d + one) | 0, c, b, a, (one + two) | 0];
      }
      [a, b, c, d, e, f, g, h].forEach((word, at) => (hash[at] = (hash[at] + word) | 0));
    }
    return hash.map((word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
  };

  const digest = (it) => {
    const said = it.judgements.map((one) => [one.answer, one.judgement, one.edit, one.reason]);
    return sha256(JSON.stringify([it.schema, it.run, it.review, it.reviewer, it.finished, said]));
  };

  // --------------------------------------------------------------------------------------------- what a card says

  const pressed = (card) => card.querySelector('[aria-pressed="true"]')?.dataset.judge ?? "";
  const edits = (card) => [...card.querySelectorAll("[data-edit]")];
  const given = (card) => card.querySelector("[data-said]").dataset.said;
  const reasonOf = (card) => card.querySelector("[data-reason]");

  const edited = (card) => {
    const values = edits(card).filter((field) => field.type !== "checkbox" || field.checked).map((field) => field.value.trim());
    return kind === "classes" ? values : values.filter(Boolean);
  };

  const judgementOf = (card) => ({
    answer: card.dataset.answer,
    judgement: pressed(card),
    edit: pressed(card) === "edit" ? edited(card).map(wellFormed) : [],
    reason: wellFormed(reasonOf(card).value.trim()),
  });

  const isWhole = (card) => {
    const { judgement, edit, reason } = judgementOf(card);
    if (judgement === "reject") return reason !== "";
    if (judgement !== "edit") return judgement === "accept";
    if (kind !== "classes" && edit.length !== 1) return false;
    if (kind === "number" && !NUMBER.test(edit[0])) return false;
    return (edit.join(", ").trim() || NO_CLASS) !== given(card);
  };

  const show = (card, judgement) => {
    for (const button of card.querySelectorAll("[data-judge]"))
      button.setAttribute("aria-pressed", String(button.dataset.judge === judgement));
    card.querySelector(".edit").hidden = judgement !== "edit";
    const title = card.querySelector(".why span");
    title.textContent = judgement === "reject" ? title.dataset.needed : title.dataset.plain;
    if (judgement === "edit" && kind === "text" && !edits(card)[0].value) edits(card)[0].value = given(card);
  };

  const judge = (card, judgement) => {
    show(card, judgement);
    changed();
    if (judgement === "accept") goOn(card);
    else if (judgement === "edit") edits(card)[0].focus();
    else reasonOf(card).focus();
  };

  /** Move to the next answer that is still to be judged, from the beginning again after the last. */
  const goOn = (card) => {
    const at = cards.indexOf(card);
    const next = [...cards.slice(at + 1), ...cards.slice(0, at)].find((other) => !isWhole(other));
    (next ?? document.getElementById("save")).focus();
  };

  // -------------------------------------------------------------------------------------------------- keeping it

  const whole = (finished) => {
    const said = cards.map(judgementOf).filter((one) => one.judgement || one.reason);
    const it = { schema, run, review, reviewer: wellFormed(reviewer.value.trim()), finished, judgements: said };
    return { ...it, sha256: digest(it) };
  };

  const progress = () => {
    const done = cards.filter(isWhole).length;
    for (const card of cards) card.classList.toggle("whole", isWhole(card));
    document.getElementById("done").value = done;
    document.getElementById("count").textContent = fill(say.progress, { done, all: cards.length });
    return cards.length - done;
  };

  const changed = () => {
    progress();
    try {
      localStorage.setItem(STORED, JSON.stringify(whole(false)));
      status.textContent = say.kept;
    } catch {
      status.textContent = say.not_kept;
    }
  };

  const restore = (it) => {
    reviewer.value = it.reviewer;
    for (const card of cards) {
      const one = it.judgements.find(({ answer }) => answer === card.dataset.answer);
      for (const field of edits(card)) {
        if (field.type === "checkbox") field.checked = Boolean(one?.edit.includes(field.value));
        else field.value = one?.edit[0] ?? "";
      }
      reasonOf(card).value = one?.reason ?? "";
      show(card, one?.judgement ?? "");
    }
    progress();
  };

  const save = (finished) => {
    if (!reviewer.value.trim()) {
      status.textContent = say.no_name;
      reviewer.focus();
      return;
    }
    const count = progress();
    if (finished && count) {
      cards.find((card) => !isWhole(card)).focus();
      status.textContent = fill(say.missing, { count });
      return;
    }
    const file = `review-${review}-${reviewer.value.trim().replace(/[^\p{L}\p{N}_-]+/gu, "-")}.json`;
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([JSON.stringify(whole(finished), null, 1)], { type: "application/json" }));
    link.download = file;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    status.textContent = fill(finished ? say.saved : say.saved_unfinished, { file });
  };

  const load = async (file) => {
    let it;
    try {
      it = JSON.parse(await file.text());
      if (it.schema !== schema || it.run !== run || it.review !== review) throw new Error("another review");
      if (digest(it) !== it.sha256) {
        status.textContent = fill(say.changed, { file: file.name });
        return;
      }
      restore(it);
    } catch {
      status.textContent = fill(say.not_this, { file: file.name });
      return;
    }
    changed();
    status.textContent = fill(say.loaded, { file: file.name });
  };

  // ---------------------------------------------------------------------------------------------------- listening

  for (const card of cards) {
    for (const button of card.querySelectorAll("[data-judge]"))
      button.addEventListener("click", () => judge(card, button.dataset.judge));
    card.addEventListener("input", changed);
  }
  reviewer.addEventListener("input", changed);
  document.getElementById("save").addEventListener("click", () => save(true));
  document.getElementById("save-unfinished").addEventListener("click", () => save(false));
  document.getElementById("load").addEventListener("change", async ({ target }) => {
    if (target.files[0]) await load(target.files[0]);
    target.value = "";
  });
  document.getElementById("start-over").addEventListener("click", () => {
    if (!confirm(say.sure)) return;
    restore({ reviewer: "", judgements: [] });
    changed();
  });

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const card = event.target.closest?.("[data-answer]");
    if (!card) return;
    if (event.key === "Enter" && event.target.matches("[data-reason]")) {
      event.preventDefault();
      goOn(card);
      return;
    }
    if (event.target.matches("textarea, select, input:not([type=checkbox])")) return;
    const judgement = { a: "accept", e: "edit", r: "reject" }[event.key.toLowerCase()];
    if (!judgement) return;
    event.preventDefault(); // the letter would be typed into the field that gets the focus
    judge(card, judgement);
  });

  progress();
  try {
    const kept = JSON.parse(localStorage.getItem(STORED));
    if (kept) restore(kept);
  } catch {
    status.textContent = say.not_kept;
  }
})();
