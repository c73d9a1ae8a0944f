import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { isGardenhoseError } from '@gardenhose/core';

export interface Folder extends Disposable {
  readonly path: string;
  /** The path of a file in it. */
  of(name: string): string;
}

/** A folder with these files, until it is disposed. */
export function folderOf(files: Readonly<Record<string, string | Uint8Array>>): Folder {
  const path = mkdtempSync(join(tmpdir(), 'schemas-'));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(path, name)), { recursive: true });
    writeFileSync(join(path, name), content);
  }
  return {
    path,
    of: (name) => join(path, name),
    [Symbol.dispose]: () => rmSync(path, { recursive: true }),
  };
}

/** Code and message of what a promise is rejected with. */
export async function failureOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    if (isGardenhoseError(error)) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'nothing failed';
}

export const shop: string = `
  syntax = "proto3";
  package shop.v1;
  import "corp/options.proto";
  import "google/protobuf/timestamp.proto";
  // import "in/a/comment.proto";
  message Order {
    string id = 1;
    optional string card = 2 [(corp.sensitive) = true, debug_redact = true];
    map<string, Line> line_items = 3;
    google.protobuf.Timestamp at = 4;
    oneof way {
      string street = 5 [(corp.policy) = { cls: SECRET tags: ["a", "b"] inner { cls: NONE } counts { key: "k" value: 3 } diff: -5 }];
      int64 locker = 6;
    }
    string note = 7 [(corp.policy).cls = SECRET, (corp.tag) = "x", (corp.tag) = "y", (corp.weight) = 1.5, json_name = "N"];
    string plain = 8 [(corp.cls) = SECRET];
    message Line { string sku = 1; Kind kind = 2; }
    enum Kind { option allow_alias = true; UNKNOWN = 0; NONE = 0; NEGATIVE = -1; }
  }
  service Orders {
    rpc Get(Order) returns (stream Order) { option idempotency_level = NO_SIDE_EFFECTS; }
    rpc Chat(stream Order.Line) returns (stream .shop.v1.Order) { option deprecated = true; }
  }`;

export const options: string = `
  syntax = "proto2";
  package corp;
  import "google/protobuf/descriptor.proto";
  enum Cls { NONE = 0; SECRET = 1 [debug_redact = true]; }
  message Policy {
    optional Cls cls = 1;
    repeated string tags = 2;
    optional Policy inner = 3;
    map<string, int32> counts = 4;
    optional sint64 diff = 5;
    optional group Part = 6 { optional string text = 1; }
    extensions 100 to 199;
  }
  extend Policy { optional string more = 100; }
  extend google.protobuf.FieldOptions {
    optional bool sensitive = 50001;
    optional Policy policy = 50002;
    optional Cls cls = 50003;
    repeated string tag = 50004;
    optional double weight = 50005;
  }`;
