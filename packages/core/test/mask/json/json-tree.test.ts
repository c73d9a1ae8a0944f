import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type JsonTree, jsonTree } from '../../../src/mask/json/json-tree.ts';

/** What JSON.parse makes of it, from the tree. */
function plain(tree: JsonTree): unknown {
  if (tree.kind === 'object')
    return Object.fromEntries(tree.members.map(([name, value]) => [name, plain(value)]));
  if (tree.kind === 'array') return tree.items.map(plain);
  return tree.kind === 'string' ? tree.text : JSON.parse(tree.text);
}

test('the tree of a JSON text says what JSON.parse says', () => {
  fc.assert(
    fc.property(fc.json(), fc.constantFrom(undefined, 1), (text, indent) => {
      const spaced = JSON.stringify(JSON.parse(text), undefined, indent);
      const tree = jsonTree(spaced);
      // Numbers and words alone are not looked at.
      if (!/^[[{"]/.test(spaced)) expect(tree).toBeUndefined();
      else expect(tree && plain(tree)).toEqual(JSON.parse(spaced));
    }),
  );
});

test('members keep their order and repeats', () => {
  const tree = jsonTree('{"2":1,"1":2,"1":3}');
  expect(tree?.kind === 'object' && tree.members.map(([name]) => name)).toEqual(['2', '1', '1']);
});

test('what is no JSON has no tree, and what is too deep is one value', () => {
  for (const text of ['', '{', '{"a":}', '[1,]', 'word']) expect(jsonTree(text)).toBeUndefined();
  const depth = 5000;
  expect(jsonTree('['.repeat(depth) + ']'.repeat(depth))).toMatchObject({ kind: 'array' });
});
