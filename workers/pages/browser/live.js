/**
 * The only script of the pages. All pages work without it. The script renews the marked regions of a page, follows
 * transcripts, keeps relative times correct, and lets people move through lists with keys.
 */

const main = document.getElementById('main');
let isPaused = false;

/** Regions. The script reads the page again and replaces the regions that have changed. */

async function renew() {
  if (document.hidden || isPaused || !navigator.onLine) return;
  // A page may request a step of a bulk run each time, as long as it is open.
  const step = document.querySelector('form[data-drive]');
  if (step !== null)
    await fetch(step.action, { method: 'POST', body: new URLSearchParams(), redirect: 'manual' });
  const response = await fetch(location.href, { headers: { Accept: 'text/html' } });
  if (!response.ok || response.redirected) return;
  const next = new DOMParser().parseFromString(await response.text(), 'text/html');
  for (const region of document.querySelectorAll('[data-region]')) replace(region, next);
}

function replace(region, next) {
  const fresh = next.querySelector(`[data-region="${CSS.escape(region.dataset.region)}"]`);
  if (fresh === null || isInUse(region) || withoutTimes(fresh) === withoutTimes(region)) return;
  const row = rows().indexOf(document.activeElement?.closest('[data-row]'));
  const open = new Set(
    [...region.querySelectorAll('details[data-key][open]')].map(({ dataset }) => dataset.key),
  );
  region.replaceChildren(...fresh.childNodes);
  for (const details of region.querySelectorAll('details[data-key]'))
    details.open ||= open.has(details.dataset.key);
  livelyAt = Date.now();
  if (row >= 0 && !region.contains(document.activeElement)) focusRow(row);
}

/** A region that the person is using is not replaced. */
function isInUse(region) {
  const active = document.activeElement;
  const isTyping =
    active instanceof HTMLElement && region.contains(active) && active.matches('input, select, textarea');
  return isTyping || region.querySelector('.confirm[open]') !== null;
}

function withoutTimes(region) {
  const copy = region.cloneNode(true);
  for (const time of copy.querySelectorAll('time[data-relative]')) time.textContent = '';
  for (const details of copy.querySelectorAll('details[data-key]')) details.open = false;
  return copy.innerHTML;
}

/**
 * While a person uses the page, or the page changes, it is renewed every second. Later it is renewed as often as the
 * page asks.
 */
const LIVELY_MS = 60_000;
let livelyAt = Date.now();

function isLively() {
  return Date.now() - livelyAt < LIVELY_MS;
}

for (const event of ['pointerdown', 'keydown', 'visibilitychange']) {
  document.addEventListener(event, () => {
    livelyAt = Date.now();
  });
}

function repeat(seconds) {
  let failures = 0;
  const again = async () => {
    try {
      await renew();
      failures = 0;
    } catch {
      failures = Math.min(failures + 1, 4);
    }
    setTimeout(again, 1000 * (isLively() && failures === 0 ? 1 : seconds * 2 ** failures));
  };
  setTimeout(again, 1000);
  document.addEventListener('visibilitychange', () => renew().catch(() => undefined));
}

/** Transcripts. New entries arrive as HTML. When the job changes, the script renews the regions. */

function follow(transcript) {
  const scroll = document.querySelector('[data-follow-switch]');
  const box = scroll?.querySelector('input');
  let stream;
  let isOver = false;

  const open = () => {
    if (isOver || document.hidden || stream !== undefined) return;
    stream = new EventSource(
      `${transcript.dataset.follow}?after=${encodeURIComponent(transcript.dataset.after)}`,
    );
    stream.addEventListener('entry', (event) => add(event));
    stream.addEventListener('status', () => renew().catch(() => undefined));
    stream.addEventListener('timeout', () => reopen(0));
    stream.addEventListener('end', () => {
      isOver = true;
      close();
      if (scroll) scroll.hidden = true;
      renew().catch(() => undefined);
    });
    stream.onerror = () => reopen(3000);
  };
  const close = () => {
    stream?.close();
    stream = undefined;
  };
  const reopen = (ms) => {
    close();
    setTimeout(open, ms);
  };
  const add = ({ data, lastEventId }) => {
    const isAtEnd = window.innerHeight + window.scrollY >= document.body.scrollHeight - 80;
    transcript.insertAdjacentHTML('beforeend', JSON.parse(data).html);
    transcript.dataset.after = lastEventId;
    document.querySelector('[data-until-entry]')?.remove();
    if (box?.checked && isAtEnd) transcript.lastElementChild?.scrollIntoView({ block: 'end' });
  };

  document.addEventListener('visibilitychange', () => (document.hidden ? close() : open()));
  open();
}

/** Times. The script updates relative times, and a tap shows the exact time. */

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

function relativeWords(at, now) {
  const ms = Math.abs(at - now);
  if (ms >= 7 * DAY) return undefined;
  if (ms < 5000) return 'just now';
  const words =
    ms < MINUTE
      ? `${Math.floor(ms / 1000)} s`
      : ms < HOUR
        ? `${Math.floor(ms / MINUTE)} min`
        : ms < DAY
          ? `${Math.floor(ms / HOUR)} h`
          : `${Math.floor(ms / DAY)} d`;
  return at > now ? `in ${words}` : `${words} ago`;
}

function tick() {
  for (const time of document.querySelectorAll('time[data-relative]')) {
    const words = relativeWords(Date.parse(time.dateTime), Date.now());
    if (words !== undefined && time.dataset.exact === undefined) time.textContent = words;
  }
}

function toggleExact(time) {
  const words = time.textContent;
  time.textContent = time.dataset.exact ?? time.title;
  if (time.dataset.exact === undefined) time.dataset.exact = words;
  else delete time.dataset.exact;
}

/** Keys. */

const rows = () => [...document.querySelectorAll('[data-row]')];

function focusRow(index) {
  const row = rows()[index];
  const target = row?.querySelector('a, button, summary');
  target?.focus();
  row?.scrollIntoView({ block: 'nearest' });
}

function moveRow(step) {
  const at = rows().indexOf(document.activeElement?.closest('[data-row]'));
  focusRow(Math.max(0, Math.min(rows().length - 1, at < 0 ? 0 : at + step)));
}

const KEYS = {
  j: () => moveRow(1),
  k: () => moveRow(-1),
  '/': () => document.querySelector('[data-filter] select, [data-filter] input:not([type=hidden])')?.focus(),
  '?': () => document.getElementById('keys')?.showModal(),
};

document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape') return leave();
  const isTyping = event.target instanceof HTMLElement && event.target.matches('input, select, textarea');
  if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
  const act = KEYS[event.key];
  if (act === undefined) return;
  event.preventDefault();
  act();
});

function leave() {
  for (const open of document.querySelectorAll('.confirm[open]')) open.open = false;
  if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
}

/** Clicks and choices. */

document.addEventListener('click', (event) => {
  const { target } = event;
  if (!(target instanceof Element)) return;
  const time = target.closest('time[data-relative]');
  if (time !== null && target.closest('a') === null) toggleExact(time);
  const copy = target.closest('[data-copy]');
  if (copy !== null) copyText(copy).catch(() => undefined);
  const pause = target.closest('[data-pause]');
  if (pause !== null) setPaused(pause, !isPaused);
  for (const open of document.querySelectorAll('.confirm[open]')) {
    if (!open.contains(target)) open.open = false;
  }
});

document.addEventListener('change', ({ target }) => {
  if (target instanceof Element && target.matches('[data-autosubmit]')) target.form.requestSubmit();
});

/** Empty choices are left out, to keep the URL short. */
document.addEventListener('submit', ({ target }) => {
  if (!target.matches('[data-filter]')) return;
  for (const field of target.elements) if (field.name && field.value === '') field.disabled = true;
});

async function copyText(button) {
  await navigator.clipboard.writeText(button.dataset.copy);
  button.textContent = 'Copied';
  setTimeout(() => {
    button.textContent = 'Copy';
  }, 1500);
}

function setPaused(button, paused) {
  isPaused = paused;
  button.textContent = paused ? 'Resume updates' : 'Pause updates';
  if (!paused) renew().catch(() => undefined);
}

setInterval(tick, 10_000);
if (main?.dataset.liveSeconds) repeat(Number(main.dataset.liveSeconds));
for (const transcript of document.querySelectorAll('[data-follow]')) follow(transcript);
