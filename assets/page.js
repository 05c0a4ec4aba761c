// What the page does in the browser alone: keys, focus, and what is out of date.
// playground/ui/first_script.py puts it into the page; PLAYGROUND_WORDS is set there.

function playgroundWord(name) { return PLAYGROUND_WORDS[playgroundLanguage()][name]; }

(() => {  // Keys on sliders and numbers count as letting go, once they rest
  const SETTLE = 500;  // ms
  const MOVES = ['ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown', 'Home', 'End', 'PageUp', 'PageDown'];
  const timers = new WeakMap(), told = new WeakMap();  // by block: the wait, the value last told
  const field = (target) => target.matches?.('input[type=range], input[type=number]') ? target : null;
  const block = (input) => input.closest('.block') || input;
  const slides = (input) => block(input).querySelector('input[type=range]');

  function settle(input) {
    const home = block(input);
    clearTimeout(timers.get(home));
    timers.delete(home);
    if (told.get(home) === input.value) return;
    if (slides(input) && input.type === 'number' && input.value !== '') {
      const { min, max } = slides(input), value = Number(input.value);
      const inside = Math.min(Math.max(value, Number(min)), Number(max));
      if (inside !== value) {
        input.value = inside;
        input.dispatchEvent(new Event('input', { bubbles: true }));
      }
    }
    told.set(home, input.value);
    if (slides(input)) slides(input).dispatchEvent(new PointerEvent('pointerup', { bubbles: true }));
    else input.dispatchEvent(
      new KeyboardEvent('keypress', { key: 'Enter', bubbles: true, cancelable: true }));
  }

  const remember = (event) => {
    const input = field(event.target);
    if (input && !timers.has(block(input))) told.set(block(input), input.value);
  };
  document.addEventListener('focusin', remember, true);
  document.addEventListener('pointerdown', remember, true);
  document.addEventListener('pointerup', (event) => {
    const input = event.isTrusted && field(event.target);
    if (!input) return;
    if (slides(input)) told.set(block(input), input.value);  // the page was told by the mouse
    else setTimeout(() => settle(input));  // the little arrows of a number
  }, true);
  document.addEventListener('keydown', (event) => {
    const input = field(event.target);
    if (!input) return;
    const home = block(input);
    if (event.key === 'Enter') {
      if (slides(input)) settle(input);
      else { clearTimeout(timers.get(home)); timers.delete(home); told.set(home, input.value); }
    } else if (MOVES.includes(event.key) && (input.type === 'range' || event.key.startsWith('Arrow'))) {
      clearTimeout(timers.get(home));
      timers.set(home, setTimeout(() => settle(input), SETTLE));
    }
  }, true);
  document.addEventListener('blur', (event) => {  // gradio tells again of what was told
    const input = field(event.target);
    if (!input) return;
    settle(input);
    if (input.type === 'number' && slides(input)) event.stopPropagation();
  }, true);
})();

(() => {  // Arrow keys move between tabs, as everywhere else
  document.addEventListener('keydown', (event) => {
    const tab = event.target.closest?.('[role=tab]');
    if (!tab || event.ctrlKey || event.altKey || event.metaKey) return;
    const tabs = [...tab.closest('[role=tablist]').querySelectorAll('[role=tab]')]
      .filter((other) => !other.disabled && other.offsetParent);
    const at = tabs.indexOf(tab), last = tabs.length - 1;
    const to = { ArrowLeft: at ? at - 1 : last, ArrowRight: at < last ? at + 1 : 0, Home: 0, End: last }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    tabs[to].focus();
    tabs[to].click();
  });
})();

(() => {  // A menu that the focus has left is shut
  document.addEventListener('focusout', (event) => {
    const input = event.target;
    if (!input.matches?.('input[role=combobox], input[role=listbox]')) return;
    setTimeout(() => {
      if (document.activeElement !== input && input.getAttribute('aria-expanded') === 'true')
        input.dispatchEvent(new FocusEvent('blur'));
    }, 100);
  }, true);
})();

(() => {  // What does not belong to the inputs any more is greyed: playground/ui/stale.py
  const EVERY = 300;  // ms
  const valueOf = (id) =>
    document.getElementById(id)?.querySelector('textarea, input:not([type=range])')?.value ?? null;
  const same = (now, then) => {
    const [a, b] = [now, String(then)].map((text) => text.replace(/\r\n?/g, '\n').trim());
    return a === b || (a !== '' && b !== '' && Number(a) === Number(b));
  };
  const specs = new Map();

  function look() {
    if (specs.size > 500) specs.clear();
    const grey = new Map();  // element -> the word that stands on it
    for (const marker of document.querySelectorAll('.pg-of')) {
      const text = marker.dataset.spec;
      if (!specs.has(text)) specs.set(text, JSON.parse(text));
      const { of, also, holds } = specs.get(text);
      const other = Object.entries(of).some(([id, then]) => {
        const now = valueOf(id);
        return now !== null && !same(now, then);
      });
      if (!other && !marker.dataset.touched) continue;
      const kept = Object.keys(holds).filter((id) => valueOf(id)?.trim() && same(valueOf(id), holds[id]));
      const home = Object.keys(holds).length ? [] : [marker.parentElement.closest('.block')];
      for (const place of [...home, ...also.map((id) => document.getElementById(id))])
        if (place) grey.set(place, playgroundWord('stale'));
      for (const id of kept) grey.set(document.getElementById(id), playgroundWord('stale_questions'));
    }
    for (const place of document.querySelectorAll('.pg-stale'))
      if (!grey.has(place)) place.classList.remove('pg-stale');
    for (const [place, word] of grey) {
      place.dataset.stale = word;
      place.classList.add('pg-stale');
    }
  }
  setInterval(() => { if (!document.hidden) look(); }, EVERY);
})();

function playgroundTouched(...ids) {  // a menu was changed that these results depend on
  for (const id of ids)
    for (const marker of document.querySelectorAll(`#${id} .pg-of`)) marker.dataset.touched = '1';
}

document.addEventListener('click', (event) => {  // a passage is taken away: what comes of it is shown below it
  const press = event.target.closest('#answers [data-do="without"]');
  if (!press) return;
  for (const old of document.querySelectorAll('.pg-taken')) old.remove();
  const slot = document.createElement('div');
  slot.className = 'pg-taken';
  slot.setAttribute('aria-live', 'polite');
  slot.textContent = '▍';
  press.after(slot);
}, true);

function playgroundTaken(html) {
  const slot = document.querySelector('#answers .pg-taken');
  if (!slot) return;
  slot.innerHTML = html ?? '';
  slot.scrollIntoView({behavior: 'smooth', block: 'nearest'});
}

function playgroundNearest(at, known, now) {  // the answer at the place nearest to a slider's: ui/parts/stations.py
  let shown = {};
  try { shown = JSON.parse(known || '{}').shown ?? {}; } catch { return now; }
  const places = Object.keys(shown).map(Number).sort((a, b) => a - b);
  if (!places.length || at === null) return now;
  const nearest = places.reduce((best, place) => Math.abs(place - at) < Math.abs(best - at) - 1e-9 ? place : best);
  return shown[String(nearest)];
}

function playgroundRecipe() {  // the bar's button: the whole recipe, or its line alone
  document.documentElement.classList.toggle('pg-recipe-open');
  playgroundTellRecipe();
}

function playgroundTellRecipe() {  // whether it is open, for those who do not see it
  const open = document.documentElement.classList.contains('pg-recipe-open');
  document.getElementById('recipe-open')?.setAttribute('aria-expanded', open);
}

(() => {  // Every tab has an address, #change/weights, and every chapter, #learn/lora: a reload, a link and the
  // browser's Back keep the place
  const ADDRESS = /^[a-z]{1,20}(\/[a-z0-9-]{1,30})?$/;
  const WAIT = 8000;  // ms, for what is filled when it is opened
  const tabButton = (name) => document.getElementById(`page-${name}-button`);
  const chapter = (name) => document.querySelector(`#guide-chapters [data-chapter="${name}"]`);
  const button = (names, at) => {
    if (at !== 1 || names[0] !== 'learn') return tabButton(names[at]);
    return chapter(names[1])?.offsetParent ? chapter(names[1]) : null;  // once its tab is open
  };
  const address = () => {
    try { return decodeURIComponent(location.hash.slice(1)); } catch { return ''; }
  };
  const chosen = () => {
    const tabs = [...document.querySelectorAll('#tabs [role=tab][aria-selected=true][id^=page-]')]
      .filter((tab) => tab.offsetParent).map((tab) => tab.id.slice('page-'.length, -'-button'.length));
    const read = tabs[0] === 'learn' && document.querySelector('#guide-chapters [aria-current] [data-chapter]');
    return [...tabs, ...read ? [read.dataset.chapter] : []].join('/');
  };
  let turn = 0, busy = false;  // towards an address, whose tabs are not all there yet

  function go(names) {  // one after the other: the parts of a page are there once it is open
    const mine = ++turn, until = Date.now() + WAIT;
    busy = true;
    const done = () => {
      if (mine !== turn) return;
      if (names[0] === 'learn' && names[1] && chosen() !== names.join('/') && Date.now() < until) setTimeout(done, 50);
      else { busy = false; look(); }
    };
    const step = (at) => {
      if (mine !== turn) return;
      const tab = button(names, at);
      if (tab) tab.click();
      if (tab && at === names.length - 1 || Date.now() > until) setTimeout(done, 100);
      else setTimeout(() => step(tab ? at + 1 : at), tab ? 0 : 50);
    };
    step(0);
  }

  function look() {
    const now = chosen(), [page, part] = ADDRESS.test(address()) ? address().split('/') : [];
    if (busy || !now || now === (address() || 'ask')) return;
    const known = page && tabButton(page) && !(page === 'learn' && (part ? !chapter(part) : now.startsWith('learn/')));
    history[known || !address() ? 'pushState' : 'replaceState'](null, '', `#${now}`);
  }

  window.addEventListener('popstate', () => {
    if (location.hash.startsWith('#ask=')) location.reload();  // a link that was pasted here
    else if (!address() || ADDRESS.test(address())) go((address() || 'ask').split('/'));
  });
  window.playgroundGo = () => {
    if (ADDRESS.test(address())) go(address().split('/'));
    new MutationObserver(() => setTimeout(look, 50)).observe(document.getElementById('tabs'),
      { subtree: true, childList: true, attributes: true, attributeFilter: ['aria-selected'] });
  };
})();

async function playgroundOpened(names, drafts, now) {  // what was typed is there again, or what a link brings
  playgroundTellRecipe();
  const linked = await playgroundLinked();
  setTimeout(window.playgroundGo);
  const value = (name, at) => [linked?.[name], drafts[name], now[at]].find((each) => !['', null, undefined].includes(each));
  const kept = names.map((name, at) => linked && name.startsWith('ask') ? linked[name] ?? (Array.isArray(now[at]) ? [] : '')
    : name.startsWith('ask') && name in drafts ? drafts[name] ?? '' : value(name, at) ?? now[at]);
  return [playgroundLanguage(), ...kept];
}

async function playgroundPack(text) {  // deflated, in letters that an address may have
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream('deflate-raw'));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  return btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

async function playgroundUnpack(code, most) {  // at most so many bytes of text; null for what is none
  try {
    const bytes = Uint8Array.from(atob(code.replaceAll('-', '+').replaceAll('_', '/')), (sign) => sign.charCodeAt(0));
    const reader = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate-raw')).getReader();
    const decoder = new TextDecoder('utf-8', { fatal: true });
    let text = '', read = 0;
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      read += part.value.length;
      if (read > most) return null;
      text += decoder.decode(part.value, { stream: true });
    }
    return text + decoder.decode();
  } catch { return null; }
}

const PLAYGROUND_NEEDS = ['changes', 'cite', 'many', 'style', 'bare'];

async function playgroundLinked() {  // the question that the address brings, by the names of fields; or null
  const code = /^#ask=([\w-]{1,12000})$/.exec(location.hash)?.[1];
  if (!code) return null;
  history.replaceState(null, '', '#ask');
  const text = await playgroundUnpack(code, 40000);
  let data = null;
  try { data = JSON.parse(text); } catch { return null; }
  if (!data || typeof data !== 'object') return null;
  const told = (value) => typeof value === 'string' ? value : '';
  const linked = { _askShared: JSON.stringify(data.recipe ?? {}) };
  for (const name of ['question', 'answer', 'text', 'prompt', 'subject'])
    linked['ask' + name[0].toUpperCase() + name.slice(1)] = told(data[name]);
  linked.askNeeds = Array.isArray(data.needs) ? data.needs.filter((need) => PLAYGROUND_NEEDS.includes(need)) : [];
  linked.askCut = data.cut === 'paragraphs' ? 'paragraphs' : 'sentences';
  linked.askBegun = data.begun === true;
  linked.askMore = [];
  return linked;
}

(() => {  // What a verdict can do in the browser alone: a link to it, and a picture of it
  const link = async (data) => `${location.origin}${location.pathname}#ask=${await playgroundPack(JSON.stringify(data))}`;

  function tell(button, text) {
    let place = button.parentElement.querySelector('[role=status]');
    if (!place) {
      place = document.createElement('span');
      place.setAttribute('role', 'status');
      button.parentElement.append(place);
    }
    place.replaceChildren(text);
  }

  async function share(button) {
    let address = '';
    try {
      address = await link(JSON.parse(button.dataset.ask));
      await navigator.clipboard.writeText(address);
      tell(button, button.dataset.done);
    } catch {  // not allowed here: to be copied by hand
      const box = document.createElement('input');
      box.readOnly = true;
      box.value = address;
      box.className = 'pg-address';
      box.setAttribute('aria-label', button.textContent);
      tell(button, box);
      box.select();
    }
  }

  function pieces(pen, word, width) {  // a word that is longer than a line is cut
    const found = [''];
    for (const sign of word) {
      if (pen.measureText(found.at(-1) + sign).width <= width) found[found.length - 1] += sign;
      else found.push(sign);
    }
    return found;
  }

  function lines(pen, text, width, most) {
    const found = [''];
    for (const word of text.split(/\s+/).flatMap((each) => pieces(pen, each, width))) {
      const longer = `${found.at(-1)} ${word}`.trim();
      if (pen.measureText(longer).width <= width || !found.at(-1)) found[found.length - 1] = longer;
      else found.push(word);
    }
    return found.length > most ? [...found.slice(0, most - 1), `${found[most - 1]}…`] : found;
  }

  function picture(button) {
    const data = JSON.parse(button.dataset.picture), font = getComputedStyle(document.body).fontFamily;
    const sheet = document.createElement('canvas');
    Object.assign(sheet, { width: 1200, height: 630 });
    const pen = sheet.getContext('2d');
    const write = (text, x, y, size, colour, width, most, weight = 400) => {
      pen.font = `${weight} ${size}px ${font}`;
      pen.fillStyle = colour;
      const all = lines(pen, text, width, most);
      all.forEach((line, at) => pen.fillText(line, x, y + at * size * 1.35));
      return y + all.length * size * 1.35;
    };
    pen.fillStyle = '#ffffff';
    pen.fillRect(0, 0, 1200, 630);
    pen.fillStyle = '#0f766e';
    pen.fillRect(0, 0, 1200, 10);
    let y = write(data.question, 48, 76, 38, '#0f172a', 1104, 2, 700) + 8;
    const wide = (1104 - 16 * (data.cards.length - 1)) / data.cards.length;
    data.cards.forEach((card, at) => {
      const x = 48 + at * (wide + 16), tone = card.right === null ? '#475569' : card.right ? '#15803d' : '#b91c1c';
      pen.fillStyle = tone;
      pen.fillRect(x, y, wide, 5);
      let under = write(card.name, x, y + 34, 18, '#0f172a', wide, 2, 700);
      const sign = card.right === null ? '' : card.right ? '\u2713 ' : '\u2717 ';
      under = write(sign + card.text, x, under + 8, 18, tone, wide, 6);
      write(card.sure, x, under + 6, 15, '#475569', wide, 2);
    });
    y = write(data.verdict, 48, 452, 34, '#0f766e', 1104, 1, 700);
    y = write(data.why, 48, y + 4, 21, '#0f172a', 1104, 2);
    write(data.against, 48, y + 6, 18, '#475569', 1104, 2);
    write(data.foot, 48, 604, 15, '#475569', 1104, 1);
    sheet.toBlob((blob) => {
      const save = document.createElement('a');
      save.href = URL.createObjectURL(blob);
      save.download = 'verdict.png';
      save.click();
      setTimeout(() => URL.revokeObjectURL(save.href), 1000);
    });
  }

  document.addEventListener('click', (event) => {
    const button = event.target.closest?.('[data-local]');
    if (button) ({ share, picture })[button.dataset.local]?.(button);
  });
})();

(() => {  // The first things of the page: a way past the bar, and its name
  const title = () => playgroundWord('title');
  const named = () => { if (document.title !== title()) document.title = title(); };
  document.addEventListener('DOMContentLoaded', () => {
    named();
    new MutationObserver(named).observe(document.head, { childList: true, subtree: true, characterData: true });
    const skip = document.createElement('a');
    skip.className = 'pg-skip';
    skip.href = '#tabs';
    skip.textContent = playgroundWord('skip');
    skip.addEventListener('click', (event) => {
      event.preventDefault();
      const panel = [...document.querySelectorAll('#tabs > [role=tabpanel]')]
        .find((each) => each.offsetParent) || document.querySelector('#tabs');
      panel.tabIndex = -1;
      panel.focus();
    });
    document.body.prepend(skip);
  });
})();
