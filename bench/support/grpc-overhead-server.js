// The server that bench/grpc-record-overhead.js measures, with the tap and the recorder (`on FILE`) or without (`off`).
import { createRecorder, fileSink } from '@gardenhose/core';
import { tapServer } from '@gardenhose/grpc-adapter';
import grpc from '@grpc/grpc-js';
import { echoService } from './grpc-echo.js';

const [mode, path] = process.argv.slice(2);
const server = new grpc.Server();

const recorder =
  mode === 'on' && path !== undefined
    ? createRecorder({ service: 'bench', sink: fileSink({ path, overwrite: true }), pipeline: 'worker' })
    : undefined;
if (recorder !== undefined) {
  await recorder.ready;
  tapServer(server, recorder);
}
server.addService(echoService(), {
  /**
   * @param {grpc.ServerUnaryCall<object, object>} call
   * @param {grpc.sendUnaryData<object>} answer
   */
  Unary: (call, answer) => answer(null, call.request),
});

process.on('message', async (message) => {
  if (message === 'flush') {
    await recorder?.flush();
    process.send?.('flushed');
    return;
  }
  server.forceShutdown();
  const stats = await recorder?.close();
  process.send?.({ stats });
  process.disconnect();
});
server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (_error, port) =>
  process.send?.({ port }),
);
