import type { ExchangeTap, HeaderList, TapTarget } from '@gardenhose/core';
import { reportFailure } from '@gardenhose/core/adapter';
import type { ChannelInterface, InterceptingListener, Metadata, StatusObject } from '@grpc/grpc-js';
import { isGrpcContentType } from './content-type.ts';
import {
  type ClientCallStart,
  cancelCode,
  clientStart,
  flattenHeaders,
  headerOf,
  httpStatus,
  localFailure,
  statusTrailers,
} from './to-events.ts';
import { isShadow } from './watch-call.ts';

export type ClientCall = ReturnType<ChannelInterface['createCall']>;

/** What is known of a call before it starts. */
export interface ClientCallFacts extends ClientCallStart {
  readonly recordShadow: boolean;
}

/** Records one call of a client, from its start. Never throws. */
export function watchClientCall(call: ClientCall, target: TapTarget, facts: ClientCallFacts): void {
  const watch = new CallWatch(target);
  const { start, sendMessageWithContext, halfClose, cancelWithStatus } = call;
  call.start = (metadata, listener) => {
    watch.begin(metadata, facts);
    start.call(call, metadata, watch.listen(listener));
  };
  call.sendMessageWithContext = (context, message) => {
    watch.sent(message);
    sendMessageWithContext.call(call, context, message);
  };
  call.halfClose = () => {
    watch.halfClosed();
    halfClose.call(call);
  };
  call.cancelWithStatus = (status, details) => {
    watch.cancelled(status);
    cancelWithStatus.call(call, status, details);
  };
}

class CallWatch {
  readonly #target: TapTarget;
  #tap: ExchangeTap | undefined;
  #headSeen = false;
  /** A head that is not of gRPC: grpc-js tells its status of HTTP at the end. */
  #oddHead: HeaderList | undefined;

  constructor(target: TapTarget) {
    this.#target = target;
  }

  begin(metadata: Metadata, facts: ClientCallFacts): void {
    try {
      const headers = flattenHeaders(metadata.toHttp2Headers());
      if (!facts.recordShadow && isShadow(headers)) return;
      const { start, derived } = clientStart(headers, facts);
      this.#tap = this.#target.begin(start);
      // The text on the wire is made later, from what is left of the time by then.
      if (derived) this.#tap?.mark('grpc-timeout', 'derived');
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Tells what comes back, then hands it on. */
  listen(listener: InterceptingListener): InterceptingListener {
    return {
      onReceiveMetadata: (metadata) => {
        this.#tell((tap) => {
          this.#headSeen = true;
          const headers = flattenHeaders(metadata.toHttp2Headers());
          if (isGrpcContentType(headerOf(headers, 'content-type'))) tap.headers(200, '', '2', headers);
          else this.#oddHead = headers;
        });
        listener.onReceiveMetadata(metadata);
      },
      onReceiveMessage: (message: unknown) => {
        this.#tell((tap) => {
          if (!(message instanceof Uint8Array)) return;
          this.#tellOddHead(tap);
          tap.message('response', 0, message);
        });
        listener.onReceiveMessage(message);
      },
      onReceiveStatus: (status) => {
        this.#tell((tap) => this.#ended(tap, status));
        listener.onReceiveStatus(status);
      },
    };
  }

  sent(message: Uint8Array): void {
    this.#tell((tap) => tap.message('request', 0, message));
  }

  halfClosed(): void {
    this.#tell((tap) => tap.end('request'));
  }

  cancelled(status: number): void {
    this.#tell((tap) => {
      this.#tap = undefined;
      this.#tellOddHead(tap);
      tap.abort('client', cancelCode(status));
    });
  }

  #ended(tap: ExchangeTap, status: StatusObject): void {
    this.#tap = undefined;
    const http = httpStatus(status);
    const head = this.#headSeen ? this.#oddHead : flattenHeaders(status.metadata.toHttp2Headers());
    if (http !== undefined && head !== undefined && !isGrpcContentType(headerOf(head, 'content-type'))) {
      tap.headers(http, '', '2', head);
      tap.end('request', false);
      tap.end('response');
      return;
    }
    this.#tellOddHead(tap);
    const failure = localFailure(status, this.#headSeen);
    if (failure !== undefined) {
      tap.abort(failure.by, failure.code);
      return;
    }
    tap.trailers('response', statusTrailers(status));
    // The server may have answered before the client was done.
    tap.end('request', false);
    tap.end('response');
  }

  #tellOddHead(tap: ExchangeTap): void {
    if (this.#oddHead === undefined) return;
    tap.headers(200, '', '2', this.#oddHead);
    this.#oddHead = undefined;
  }

  #tell(tell: (tap: ExchangeTap) => void): void {
    const tap = this.#tap;
    if (tap === undefined) return;
    try {
      tell(tap);
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    const tap = this.#tap;
    this.#tap = undefined;
    try {
      tap?.abort('recorder', 'tap-failed');
    } catch {
      // The failure that counts is the first; it is reported below.
    }
    reportFailure(this.#target, error);
  }
}
