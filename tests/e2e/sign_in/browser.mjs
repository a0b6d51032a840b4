// A real browser that does as it is told: a JSON object a line comes in, and one goes out. `node browser.mjs CHROMIUM`.
import { createInterface } from 'node:readline';
import { chromium } from 'playwright-core';

const browser = await chromium.launch({ executablePath: process.argv[2], headless: false, args: ['--headless=new', '--no-sandbox', '--disable-gpu'] });
let context, page, complaints, went;

// Fonts that the provider's own pages fetch from elsewhere may not be reachable. Ours may fetch nothing from there: that the policy refuses, in other words.
function ignored(message) {
  const { hostname, pathname } = new URL(message.location().url || page.url());
  return pathname.endsWith('/favicon.ico') || (message.text().startsWith('Failed to load resource') && hostname !== '127.0.0.1');
}

async function begin(options) {
  await context?.close();
  context = await browser.newContext(options);
  page = await context.newPage();
  complaints = [];
  went = [];
  page.on('console', (message) => message.type() === 'error' && !ignored(message) && complaints.push(message.text()));
  page.on('request', (request) => request.isNavigationRequest() && went.push(request.url()));
  page.on('pageerror', (error) => complaints.push(String(error)));
}

const acts = {
  begin: (told) => begin(told.options ?? {}),
  go: (told) => page.goto(told.url),
  back: () => page.goBack(),
  reload: () => page.reload(),
  fill: (told) => page.fill(told.selector, told.value),
  async click(told) {
    await Promise.all([page.waitForNavigation({ waitUntil: 'load' }), page.click(told.selector)]);
  },
  keys: (told) => page.keyboard.press(told.keys),
  cookies: () => context.cookies(),
  went: () => went,
  async set_cookies(told) {
    await context.clearCookies();
    if (told.cookies.length) await context.addCookies(told.cookies);
  },
  eval: (told) => page.evaluate(told.script),
  see: async () => ({
    url: page.url(),
    title: await page.title(),
    heading: await page.locator('h1').first().textContent({ timeout: 2000 }).catch(() => null),
    text: await page.locator('body').innerText(),
    complaints,
  }),
};

await begin({});
console.log(JSON.stringify({ ready: true }));
for await (const line of createInterface({ input: process.stdin })) {
  const told = JSON.parse(line);
  try {
    const found = await acts[told.act](told);
    // What the driver gives back of a navigation is its own.
    console.log(JSON.stringify({ found: ['go', 'back', 'reload'].includes(told.act) ? null : (found ?? null) }));
  } catch (error) {
    console.log(JSON.stringify({ error: String(error) }));
  }
}
await browser.close();
