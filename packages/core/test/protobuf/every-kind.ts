import type protobuf from 'protobufjs';
import { schemaOf } from './support.ts';

/** A message with a field of every kind, within each other. */
const source = `syntax = "proto3"; package test;
  import "google/protobuf/any.proto"; import "google/protobuf/struct.proto";
  import "google/protobuf/timestamp.proto"; import "google/protobuf/duration.proto";
  import "google/protobuf/wrappers.proto"; import "google/protobuf/field_mask.proto"; import "google/protobuf/empty.proto";
  service Service { rpc Call(Message) returns (Message); }
  enum Level { NONE = 0; LOW = 1; HIGH = 2; COLD = -1; }
  message Message {
    double a_double = 1; float a_float = 2; int64 an_int64 = 3; uint64 a_uint64 = 4; int32 an_int32 = 5;
    fixed64 a_fixed64 = 6; fixed32 a_fixed32 = 7; bool a_bool = 8; string a_string = 9; bytes some_bytes = 12;
    uint32 a_uint32 = 13; Level a_level = 14; sfixed32 an_sfixed32 = 15; sfixed64 an_sfixed64 = 16; sint32 an_sint32 = 17;
    sint64 an_sint64 = 18; Message inner = 19;
    repeated double doubles = 21; repeated float floats = 22; repeated int64 int64s = 23; repeated uint64 uint64s = 24;
    repeated int32 int32s = 25; repeated fixed64 fixed64s = 26; repeated fixed32 fixed32s = 27; repeated bool bools = 28;
    repeated string strings = 29; repeated bytes blobs = 32; repeated uint32 uint32s = 33; repeated Level levels = 34;
    repeated sfixed32 sfixed32s = 35; repeated sfixed64 sfixed64s = 36; repeated sint32 sint32s = 37;
    repeated sint64 sint64s = 38; repeated Message many = 39; repeated int32 loose = 40 [packed = false];
    map<string, string> by_name = 41; map<int64, Message> by_id = 42; map<bool, Level> by_flag = 43;
    map<sint32, double> by_number = 44; map<fixed64, bytes> by_fixed = 45;
    oneof which { string one_text = 51; Message one_message = 52; int32 one_number = 53; }
    optional int32 maybe = 54; optional string maybe_text = 55;
    google.protobuf.Timestamp at = 61; google.protobuf.Duration took = 62; google.protobuf.Struct struct = 63;
    google.protobuf.Value value = 64; google.protobuf.ListValue list = 65; google.protobuf.Any any = 66;
    google.protobuf.FieldMask mask = 67; google.protobuf.Empty empty = 68; google.protobuf.Int64Value boxed = 69;
    google.protobuf.StringValue boxed_text = 70; google.protobuf.BoolValue boxed_flag = 71;
    repeated google.protobuf.Timestamp times = 72; map<string, google.protobuf.Value> values = 73;
    google.protobuf.DoubleValue boxed_double = 74; google.protobuf.NullValue nothing = 75; string far = 20000;
  }`;

export const everyKind: { readonly root: protobuf.Root; readonly schema: Uint8Array } = schemaOf(source);
export const messageType: protobuf.Type = everyKind.root.lookupType('test.Message');
