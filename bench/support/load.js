// A load client over plain sockets, light enough to leave the processor to what is measured. It knows how long each
// response is from the first one, and so need not read them.
import { once } from 'node:events';
import { connect } from 'node:net';

/** A client that did not come to its next turn within this time was held up by another on its processor. */
const heldUpMs = 0.5;

function monotonicMs() {
  const [seconds, nanos] = process.hrtime();
  return seconds * 1e3 + nanos / 1e6;
}

/** @param {string} path */
const asked = (path) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n`;

/**
 * @typedef {object} Client
 * @property {(path: string, count: number, connections: number) => Promise<number>} closed as many requests as it takes, one
 *   after the other on each connection; gives the seconds it took. This process does not sleep meanwhile: waking it would
 *   cost whoever answers some microseconds, the more often the slower the answers come
 * @property {(path: string, perSecond: number, seconds: number) => Promise<Float64Array>} open requests at a fixed rate
 *   whatever the server does; gives latencies in milliseconds, counted from the planned time, sorted
 * @property {(path: string, perSecond: number, seconds: number) => Promise<{ sentAt: Map<number, number[]>, skipped: number }>}
 *   steady requests at a fixed rate; what falls due while this process is held
 *   up is left out rather than sent in a burst later. Gives when each was sent, by the connection's port, in milliseconds of the machine's monotonic clock
 * @property {() => void} close
 */

/**
 * @param {number} port
 * @returns {Promise<Client>}
 */
export async function openClient(port) {
  /** @type {import('node:net').Socket[]} */
  const idle = [];
  /** @type {Map<string, number>} */
  const lengths = new Map();

  const take = async () => {
    const kept = idle.pop();
    if (kept !== undefined) return kept;
    const socket = connect(port, '127.0.0.1');
    socket.setNoDelay();
    await once(socket, 'connect');
    return socket;
  };

  /** @param {string} path */
  async function lengthOf(path) {
    const known = lengths.get(path);
    if (known !== undefined) return known;
    const socket = await take();
    socket.write(asked(path));
    let received = Buffer.alloc(0);
    for (;;) {
      const [bytes] = await once(socket, 'data');
      received = Buffer.concat([received, bytes]);
      const head = received.indexOf('\r\n\r\n');
      const body = /content-length: (\d+)/i.exec(received.toString('latin1', 0, head));
      const length = head + 4 + Number(body?.[1]);
      if (head > 0 && received.length === length) {
        lengths.set(path, length);
        idle.push(socket);
        return length;
      }
    }
  }

  /**
   * Calls `answered` for each whole response on a connection.
   * @param {import('node:net').Socket} socket
   * @param {number} length
   * @param {() => void} answered
   */
  function count(socket, length, answered) {
    let pending = 0;
    /** @param {Buffer} bytes */
    const onData = (bytes) => {
      pending += bytes.length;
      while (pending >= length) {
        pending -= length;
        answered();
      }
    };
    socket.on('data', onData);
    return () => socket.off('data', onData);
  }

  return {
    async closed(path, total, connections) {
      const length = await lengthOf(path);
      const request = asked(path);
      const sockets = await Promise.all(Array.from({ length: connections }, take));
      let sent = 0;
      let done = 0;
      const from = process.hrtime.bigint();
      await new Promise((/** @type {(value?: unknown) => void} */ resolve) => {
        const stayAwake = () => {
          if (done < total) setImmediate(stayAwake);
        };
        stayAwake();
        for (const socket of sockets) {
          const next = () => {
            if (sent >= total) return;
            sent += 1;
            socket.write(request, 'latin1');
          };
          const stop = count(socket, length, () => {
            done += 1;
            next();
            if (done === total) resolve();
          });
          stops.push(stop);
          next();
        }
      });
      const seconds = Number(process.hrtime.bigint() - from) / 1e9;
      for (const stop of stops.splice(0)) stop();
      idle.push(...sockets);
      return seconds;
    },

    async open(path, perSecond, seconds) {
      const length = await lengthOf(path);
      const request = asked(path);
      const total = Math.round(perSecond * seconds);
      const latencies = new Float64Array(total);
      /** @type {import('node:net').Socket[]} */
      const free = await Promise.all(Array.from({ length: 50 }, take));
      const sockets = [...free];
      /** Requests that no connection was free for. @type {number[]} */
      const waiting = [];
      /** @type {Map<import('node:net').Socket, number>} */
      const planned = new Map();
      let done = 0;
      const from = performance.now();
      await new Promise((/** @type {(value?: unknown) => void} */ resolve) => {
        /** @param {import('node:net').Socket} socket @param {number} at */
        const send = (socket, at) => {
          planned.set(socket, at);
          socket.write(request, 'latin1');
        };
        for (const socket of sockets) {
          stops.push(
            count(socket, length, () => {
              latencies[done] = performance.now() - (planned.get(socket) ?? 0);
              done += 1;
              const next = waiting.shift();
              if (next !== undefined) send(socket, next);
              else free.push(socket);
              if (done === total) resolve();
            }),
          );
        }
        let sent = 0;
        const tick = () => {
          const due = Math.min(total, Math.floor(((performance.now() - from) * perSecond) / 1000));
          for (; sent < due; sent += 1) {
            const at = from + ((sent + 1) * 1000) / perSecond;
            const socket = free.pop();
            if (socket === undefined) waiting.push(at);
            else send(socket, at);
          }
          // A timer has a grain of a millisecond, which would send in bursts.
          if (sent < total) setImmediate(tick);
        };
        tick();
      });
      for (const stop of stops.splice(0)) stop();
      idle.push(...sockets);
      return latencies.sort();
    },

    async steady(path, perSecond, seconds) {
      const length = await lengthOf(path);
      const request = asked(path);
      const total = Math.round(perSecond * seconds);
      const free = await Promise.all(Array.from({ length: 50 }, take));
      const sockets = [...free];
      /** @type {Map<number, number[]>} */
      const sentAt = new Map();
      let skipped = 0;
      let open = 0;
      const from = monotonicMs();
      await new Promise((/** @type {(value?: unknown) => void} */ resolve) => {
        for (const socket of sockets) {
          stops.push(
            count(socket, length, () => {
              free.push(socket);
              open -= 1;
            }),
          );
        }
        let planned = 0;
        /** Requests that no connection was free for, by when they were due. @type {number[]} */
        const waiting = [];
        /** @param {number} at */
        const send = (at) => {
          const socket = free.pop();
          if (socket === undefined) return;
          const port = socket.localPort ?? 0;
          const list = sentAt.get(port);
          if (list === undefined) sentAt.set(port, [at]);
          else list.push(at);
          open += 1;
          socket.write(request, 'latin1');
        };
        let before = from;
        const tick = () => {
          const now = monotonicMs();
          const due = Math.min(total, Math.floor(((now - from) * perSecond) / 1000));
          const heldUp = now - before > heldUpMs;
          before = now;
          // The service is behind on every connection: what waits for one counts from when it was due.
          while (waiting.length > 0 && free.length > 0) send(waiting.shift() ?? now);
          if (heldUp) {
            skipped += due - planned;
            planned = due;
          }
          for (; planned < due; planned += 1) {
            if (free.length > 0) send(monotonicMs());
            else waiting.push(from + ((planned + 1) * 1000) / perSecond);
          }
          if (planned < total || open > 0 || waiting.length > 0) setImmediate(tick);
          else resolve();
        };
        tick();
      });
      for (const stop of stops.splice(0)) stop();
      idle.push(...sockets);
      return { sentAt, skipped };
    },

    close() {
      for (const socket of idle) socket.destroy();
    },
  };
}

/** @type {(() => void)[]} */
const stops = [];
