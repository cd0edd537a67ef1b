// Two browsers register, page each other and call each other over WebSocket.
// Usage: node browsers.mjs URL DOMAIN PASSWORD, in a folder with the packages of package.json.
// Prints OK and exits with 0, or says what did not come and exits with 1.
import http from 'node:http';
import fs from 'node:fs';
import { build } from 'esbuild';
import { chromium } from 'playwright-core';

const [url, domain, password] = process.argv.slice(2);
const here = (name) => new URL(name, import.meta.url).pathname;
const bundled = await build({ entryPoints: [here('phone.js')], bundle: true, format: 'iife', write: false });
const script = bundled.outputFiles[0].text;
const pages = http.createServer((request, response) => {
  const isScript = request.url.endsWith('.js');
  response.writeHead(200, { 'content-type': isScript ? 'text/javascript' : 'text/html' });
  response.end(isScript ? script : fs.readFileSync(here('phone.html')));
});
await new Promise((open) => pages.listen(0, '127.0.0.1', open));

const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  headless: true,
  args: [
    '--no-sandbox',
    // The certificate is signed by an authority that lives as long as this test.
    '--ignore-certificate-errors',
    '--use-fake-device-for-media-stream',
    '--use-fake-ui-for-media-stream',
    '--autoplay-policy=no-user-gesture-required',
    '--allow-loopback-in-peer-connection',
    '--disable-features=WebRtcHideLocalIpsWithMdns',
  ],
});

async function open(user) {
  const context = await browser.newContext({ permissions: ['microphone'] });
  const page = await context.newPage();
  await page.goto(`http://127.0.0.1:${pages.address().port}/`);
  await page.evaluate((all) => register(...all), [user, domain, password, url]);
  return { page, user };
}

async function comes(phone, event) {
  const found = (start) => events.some((one) => one.startsWith(start));
  await phone.page.waitForFunction(found, event, { timeout: 20_000 }).catch(async () => {
    throw new Error(`${phone.user}: no "${event}" in ${JSON.stringify(await phone.page.evaluate(() => events))}`);
  });
}

function must(is, what) {
  if (!is) throw new Error(what);
}

let status = 0;
try {
  const [anne, carl] = [await open('anne'), await open('carl')];
  await comes(anne, 'registered');
  await comes(carl, 'registered');
  const address = (user) => `sip:${user}@${domain}`;

  const sent = await anne.page.evaluate((all) => send(...all), [address('carl'), 'The ferry leaves at six ⛴']);
  must(sent === 200, `the page was answered ${sent}`);
  await comes(carl, 'page from anne The ferry leaves at six ⛴');

  await anne.page.evaluate((target) => void call(target), address('carl'));
  await comes(carl, 'call from anne');
  await comes(anne, 'confirmed');
  await comes(carl, 'confirmed');
  for (const phone of [anne, carl]) {
    await phone.page.waitForFunction(async () => (await heard()) > 50, null, { timeout: 20_000 }).catch(() => {
      throw new Error(`${phone.user} hears nothing`);
    });
  }
  await carl.page.evaluate(() => session.terminate());
  await comes(anne, 'ended');
  console.log('OK');
} catch (error) {
  console.log(error.message);
  status = 1;
}
await browser.close();
pages.close();
process.exit(status);
