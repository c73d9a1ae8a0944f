// A client of unary calls over bare HTTP/2, light enough to leave the processor to what is measured.
import { once } from 'node:events';
import { connect } from 'node:http2';
import { echoService, message } from './grpc-echo.js';

/** @typedef {Pick<import('./load.js').Client, 'closed' | 'close'>} Client */

/** Connections that the calls are spread over. */
const sessionCount = 4;

/**
 * @param {number} port
 * @returns {Promise<Client>}
 */
export async function openGrpcClient(port) {
  const body = framed();
  const sessions = await Promise.all(
    Array.from({ length: sessionCount }, async () => {
      const session = connect(`http://127.0.0.1:${port}`);
      await once(session, 'connect');
      return session;
    }),
  );

  /**
   * @param {import('node:http2').ClientHttp2Session} session
   * @param {string} path
   * @param {() => void} answered
   */
  function call(session, path, answered) {
    const stream = session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
      'user-agent': 'bench',
      authorization: 'Bearer 0123456789abcdef0123456789abcdef',
      'grpc-timeout': '5S',
    });
    let got = 0;
    stream.on('data', (/** @type {Buffer} */ chunk) => {
      got += chunk.length;
    });
    stream.on('close', () => {
      if (got !== body.length) throw new Error(`${got} bytes came back of ${body.length}`);
      answered();
    });
    stream.end(body);
  }

  return {
    closed(path, total, connections) {
      const from = process.hrtime.bigint();
      return new Promise((resolve) => {
        let sent = 0;
        let done = 0;
        const stayAwake = () => {
          if (done < total) setImmediate(stayAwake);
        };
        stayAwake();
        /** @param {number} lane */
        const next = (lane) => {
          const session = sessions[lane % sessionCount];
          if (sent >= total || session === undefined) return;
          sent += 1;
          call(session, path, () => {
            done += 1;
            if (done === total) resolve(Number(process.hrtime.bigint() - from) / 1e9);
            else next(lane);
          });
        };
        for (let lane = 0; lane < connections; lane += 1) next(lane);
      });
    },
    close() {
      for (const session of sessions) session.destroy();
    },
  };
}

/** The message as it stands on the wire. */
function framed() {
  const { Unary } = echoService();
  if (Unary === undefined) throw new Error('echo.proto has no method Unary');
  const bytes = Unary.requestSerialize(message);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}
