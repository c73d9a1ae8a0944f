// `node --import @gardenhose/http-adapter/register --import @gardenhose/grpc-adapter/register server.js`: adds the servers of gRPC of
// a process, and its clients where that is asked for, to the recording that the first has started; see docs/guides/grpc.md.

import { isMainThread } from 'node:worker_threads';
import { offeredRecording, toStandardError } from '@gardenhose/core/adapter';
import { attach } from './attach.ts';
import { isLibrary } from './library.ts';
import { onLibraryLoaded } from './library-loads.ts';

const recording = offeredRecording();
if (recording !== undefined) {
  const { target, recordShadow, parents, outbound } = recording;
  // A service must start whether or not it is recorded: a copy that is not known is counted, and left alone.
  onLibraryLoaded((grpc) => {
    try {
      if (isLibrary(grpc)) attach(target, { grpc, recordShadow, parents, outbound });
    } catch (error) {
      target.tapFailed(error);
    }
  });
} else if (isMainThread && process.env.GARDENHOSE_OUTPUT === undefined) {
  toStandardError(
    'gardenhose: gRPC is not recorded: preload @gardenhose/http-adapter/register before @gardenhose/grpc-adapter/register',
  );
}
