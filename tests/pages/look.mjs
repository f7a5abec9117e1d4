// Opens each page that standard input names (a JSON list of addresses) in Chromium, and prints what it sees, as JSON.
// argv: Chromium's path.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import puppeteer from 'puppeteer-core';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
const NARROW = 320; // CSS pixels: WCAG 2.2, 1.4.10 Reflow; a page of 1280 at 400 % zoom
const addresses = JSON.parse(readFileSync(0, 'utf8'));
// root may not use Chromium's sandbox
const flags = process.getuid() === 0 ? ['--no-sandbox'] : [];
const browser = await puppeteer.launch({ executablePath: process.argv[2], args: flags });

async function seen(address) {
  const page = await browser.newPage();
  await page.setBypassCSP(true); // lets axe in; what the page asks for is watched below
  const requests = [];
  page.on('request', (request) => requests.push(request.url()));
  const found = { address, violations: [], narrow: {}, tabs: [], pdfBytes: 0, requests };
  for (const theme of ['light', 'dark']) {
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: theme }]);
    await page.setViewport({ width: 1200, height: 900 });
    await page.goto(address);
    found.violations.push(...(await violations(page, theme)));
  }
  found.tabs = await tabs(page);
  await page.setViewport({ width: NARROW, height: 640 });
  found.narrow = await page.evaluate(tooWide);
  found.violations.push(...(await violations(page, 'narrow')));
  found.pdfBytes = (await page.pdf({ format: 'A4', tagged: true })).length;
  await page.close();
  return found;
}

async function violations(page, when) {
  await page.evaluate(AXE);
  const result = await page.evaluate((tags) => axe.run(document, { runOnly: tags, resultTypes: ['violations'] }), RULES);
  return result.violations.map((one) => ({
    when,
    rule: one.id,
    nodes: one.nodes.slice(0, 3).map((node) => `${node.target.join(' ')}: ${node.failureSummary}`),
  }));
}

// How far the page can be scrolled sideways, and which elements are the reason.
function tooWide() {
  const width = document.documentElement.clientWidth;
  const all = [...document.body.querySelectorAll('*')];
  const scrolls = (node) => node && (getComputedStyle(node).overflowX !== 'visible' || scrolls(node.parentElement));
  const wide = all.filter((node) => node.getBoundingClientRect().right > width + 1 && !scrolls(node.parentElement));
  return { sideways: document.documentElement.scrollWidth - width, wide: wide.slice(0, 3).map((n) => n.outerHTML.slice(0, 120)) };
}

// What the Tab key reaches, in order: whether it is seen to have the focus, and where it stands in the document.
async function tabs(page) {
  const count = await page.evaluate(() => document.querySelectorAll('a[href], button, input, summary, [tabindex="0"]').length);
  const reached = [];
  await page.evaluate(() => document.activeElement?.blur());
  for (let number = 0; number < Math.min(count, 60); number += 1) {
    await page.keyboard.press('Tab');
    reached.push(await page.evaluate(focused));
  }
  return reached;
}

function focused() {
  const node = document.activeElement;
  const style = getComputedStyle(node);
  const all = [...document.querySelectorAll('*')];
  return { at: all.indexOf(node), what: node.outerHTML.slice(0, 80), seen: style.outlineStyle !== 'none' && style.outlineWidth !== '0px' };
}

const results = [];
for (const address of addresses) results.push(await seen(address));
await browser.close();
process.stdout.write(JSON.stringify(results));
