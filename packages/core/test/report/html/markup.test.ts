import fc from 'fast-check';
import { expect, test } from 'vitest';
import { html, Markup } from '../../../src/report/html/markup.ts';

test('values are text, in elements and in attributes; markup within markup is markup', () => {
  const evil = `</script><svg onload="x('y')">&`;
  expect(html`<p title="${evil}">${evil}${html`<b>${1}</b>`}${[html`<i>${2}</i>`, '<']}</p>`.text).toBe(
    '<p title="&lt;/script&gt;&lt;svg onload=&quot;x(&#39;y&#39;)&quot;&gt;&amp;">' +
      '&lt;/script&gt;&lt;svg onload=&quot;x(&#39;y&#39;)&quot;&gt;&amp;<b>1</b><i>2</i>&lt;</p>',
  );
});

test('nothing stands for what is undefined or false', () => {
  expect(html`[${undefined}${false}${[]}${''}${0}]`.text).toBe('[0]');
});

test('what a page would obey or reorder is shown, whatever the text is', () => {
  expect(html`${'a\u202eb\u0000c\ud800'}`.text).toBe('a\\u{202e}b\\u{0}c\ufffd');
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(html`${text}`.text).not.toMatch(/[<>"']|[\p{Cc}\p{Cs}\u202a-\u202e]/u);
    }),
  );
});

test('an object that looks like markup is none', () => {
  const parsed: unknown = JSON.parse('{"text":"<b>"}');
  expect(parsed instanceof Markup).toBe(false);
});
