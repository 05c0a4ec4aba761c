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

function playgroundRecipe() {  // the bar's button: the whole recipe, or its line alone
  const open = document.documentElement.classList.toggle('pg-recipe-open');
  document.querySelector('#recipe-open').setAttribute('aria-expanded', open);
}

(() => {  // Every tab has an address, #change/weights: a reload, a link and the browser's Back keep the place
  const ADDRESS = /^[a-z]{1,20}(\/[a-z]{1,20})?$/;
  const button = (name) => document.getElementById(`page-${name}-button`);
  const address = () => decodeURIComponent(location.hash.slice(1));
  const chosen = () => [...document.querySelectorAll('#tabs [role=tab][aria-selected=true][id^=page-]')]
    .filter((tab) => tab.offsetParent).map((tab) => tab.id.slice('page-'.length, -'-button'.length)).join('/');
  let going = 0;  // towards an address, whose tabs are not all there yet

  function go(names) {  // one after the other: the parts of a page are there once it is open
    const [name, ...rest] = names, until = Date.now() + 3000;
    const turn = ++going;
    const step = () => {
      const tab = button(name);
      if (turn !== going || Date.now() > until) { going = 0; return; }
      if (!tab) { setTimeout(step, 50); return; }
      tab.click();
      if (rest.length) go(rest); else setTimeout(() => { if (turn === going) going = 0; }, 100);
    };
    step();
  }

  function look() {
    const now = chosen();
    if (going || !now || now === (address() || 'ask')) return;
    history.pushState(null, '', `#${now}`);
  }

  window.addEventListener('popstate', () => go((ADDRESS.test(address()) ? address() : 'ask').split('/')));
  window.playgroundGo = () => {
    if (ADDRESS.test(address())) go(address().split('/'));
    new MutationObserver(() => setTimeout(look, 50)).observe(document.getElementById('tabs'),
      { subtree: true, childList: true, attributes: true, attributeFilter: ['aria-selected'] });
  };
})();

function playgroundOpened(values) {  // what was typed is there again
  setTimeout(window.playgroundGo);
  return values;
}

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
