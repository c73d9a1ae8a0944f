// What is gRPC: the one place that says so. gRPC over HTTP/2, "Content-Type"; gRPC-Web frames its answers in another way, and is none.

/**
 * The format of the messages that a content type of gRPC names: `proto` of `application/grpc+proto`, '' of `application/grpc`, with
 * or without parameters behind it. Undefined where the content type is none of gRPC.
 */
export function grpcFormat(contentType: unknown): string | undefined {
  if (typeof contentType !== 'string') return undefined;
  const [match, format = ''] = pattern.exec(contentType) ?? [];
  return match === undefined ? undefined : format.toLowerCase();
}

const pattern = /^application\/grpc(?:\+([^;\s]*))?[\t ]*(?:;|$)/i;

/** Whether a content type is that of gRPC. */
export function isGrpcContentType(contentType: unknown): boolean {
  return grpcFormat(contentType) !== undefined;
}
