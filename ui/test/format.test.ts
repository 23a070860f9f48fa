// SPDX-License-Identifier: EUPL-1.2
// The runner sets TZ=Europe/Madrid.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ago, bytes, clock, duration, exact, parseTime, spent, when } from '../src/base/format';
import { formatExact, formatNumber, loadLanguage } from '../src/base/i18n';
import { utc } from '../src/base/prefs';

const now = Date.UTC(2026, 10, 24, 0, 5, 9);
const S = 1000, MIN = 60 * S, H = 60 * MIN, DAY = 24 * H;
const plain = (s: string): string => s.replace(/[\u00a0\u202f]/g, ' ');

test('exact times carry weekday, month in words, and zone', () => {
  assert.equal(plain(exact(now)), 'Tue 24 Nov 2026, 01:05:09 CET');
  assert.equal(plain(exact(Date.UTC(2026, 6, 1, 22, 0, 0))), 'Thu 2 Jul 2026, 00:00:00 CEST');
  assert.deepEqual(clock(now), { date: 'Tue 24 Nov 2026', time: '01:05 CET' });
});

test('UTC is one switch', () => {
  utc.value = true;
  assert.equal(plain(exact(now)), 'Tue 24 Nov 2026, 00:05:09 UTC');
  utc.value = false;
});

test('relative up to a day, then weekday and date', () => {
  assert.equal(plain(ago(now - 12 * S, now)), '12 s ago');
  assert.equal(plain(ago(now - 23 * H, now)), '23 h 00 min ago');
  assert.equal(plain(ago(now - 3 * DAY, now)), 'Sat 21 Nov, 01:05:09');
  assert.equal(plain(ago(now - 400 * DAY, now)), 'Mon 20 Oct 2025, 02:05:09');
});

test('today and yesterday go by the reader’s midnight', () => {
  assert.equal(when(now, now), 'today 01:05:09');
  assert.equal(when(now - 2 * H, now), 'yesterday 23:05:09');
  assert.equal(when(now - 5 * DAY, now), 'Thu 19 Nov, 01:05:09');
});

test('durations', () => {
  const cases: [number, string][] = [
    [-5, '0 s'], [0, '0 s'], [59_999, '59 s'], [MIN, '1 min'], [H - 1, '59 min'], [H, '1 h 00 min'],
    [7 * H + 29 * MIN, '7 h 29 min'], [DAY, '1 d 0 h'], [3 * DAY + 4 * H, '3 d 4 h'],
  ];
  for (const [ms, want] of cases) assert.equal(plain(duration(ms)), want);
});

test('sizes and large numbers', () => {
  assert.equal(bytes(0), '0 B');
  assert.equal(bytes(999), '999 B');
  assert.equal(bytes(1912), '1.9 KB');
  assert.equal(bytes(1_912_004_221), '1.9 GB');
  assert.equal(formatNumber(3754), '3,754');
  assert.equal(formatNumber(41_288_011), '41.3 million');
});

test('a time that is none is not known', () => {
  for (const t of [null, undefined, '', 'yesterday']) assert.equal(parseTime(t), null);
  assert.equal(parseTime('2026-11-24T00:05:09.000Z'), now);
});

test('Spanish has its own months and thousands', async () => {
  await loadLanguage('es');
  assert.equal(plain(when(now - 5 * DAY, now)), 'jue 19 nov, 01:05:09');
  assert.equal(plain(ago(now - 12 * S, now)), 'hace 12 s');
  assert.equal(plain(formatNumber(41_288_011)), '41,3 millones');
  await loadLanguage('en');
});

test('Bulgarian abbreviates months to digits; here they are words', async () => {
  await loadLanguage('bg');
  assert.match(plain(exact(now)), /^вт, 24 ноември 2026 г\., 01:05:09 /);
  await loadLanguage('en');
});

test('processor time has the unit that keeps it short', () => {
  const cases: [number, string][] = [
    [0, '0 ns'],
    [640, '640 ns'],
    [999.6, '1 µs'],
    [3_420, '3.4 µs'],
    [12_300_000, '12 ms'],
    [41_000_000_000, '41 s'],
    [59_999_999_999, '60 s'],
    [150_000_000_000, '2 min'],
    [-5, '0 ns'],
  ];
  for (const [ns, text] of cases) assert.equal(plain(spent(ns)), text);
});

test('a number of a record keeps every digit, and a year stays a year', async () => {
  assert.deepEqual([0, 7, 2026, -9999, 98000, 1234567, 0.125].map((n) => formatExact(n)), ['0', '7', '2026', '-9999', '98,000', '1,234,567', '0.125']);
  assert.deepEqual([formatExact(2880, 525_600), formatExact(2026, 2100), formatExact(3120, 10_000)], ['2,880', '2026', '3,120']);
});
