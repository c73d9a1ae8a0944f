import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { TapTarget } from '@gardenhose/core';
import { getRequestListener, type HttpBindings } from '@hono/node-server';
import express, { type Express } from 'express';
import express4 from 'express4';
import fastify from 'fastify';
import { Hono } from 'hono';
import Koa from 'koa';
import { expressTap, fastifyTap, honoTap, koaTap } from '../../src/middleware.ts';
import { tapExchange } from '../../src/tap-exchange.ts';

// The same small service on every framework: one parameter in the path, an echo, a stream, an answer without a body,
// and a failure. Each sets its own headers, so that what remains different is the framework's.

export const chunksOfStream = ['one,', 'two,', 'three'];

function stream(): Readable {
  return Readable.from(chunksOfStream.map((chunk) => Buffer.from(chunk)));
}

function itemJson(id: string | undefined): string {
  return JSON.stringify({ id, name: 'Größe' });
}

const jsonType = 'application/json; charset=utf-8';
const textType = 'text/plain; charset=utf-8';

export interface App {
  readonly name: string;
  /** Whether the tap can tell the route template. */
  readonly namesOperations: boolean;
  /** The service, tapped by the framework's own middleware if a target is given. */
  create(target?: TapTarget): Promise<Server>;
}

function bare(target?: TapTarget): RequestListener {
  return (req: IncomingMessage, res: ServerResponse) => {
    if (target !== undefined) tapExchange(req, res, target);
    const path = req.url ?? '';
    const item = /^\/items\/(\w+)$/.exec(path);
    if (path === '/echo') {
      void buffer(req).then((body) => {
        res.writeHead(200, { 'Content-Type': textType, 'Content-Length': body.length });
        res.end(body);
      });
    } else if (path === '/stream') {
      res.setHeader('Content-Type', textType);
      stream().pipe(res);
    } else if (path === '/empty') {
      res.statusCode = 204;
      res.end();
    } else if (item !== null) {
      const body = Buffer.from(itemJson(item[1]));
      res.writeHead(200, { 'Content-Type': jsonType, 'Content-Length': body.length });
      res.end(body);
    } else {
      res.writeHead(500, { 'Content-Type': textType, 'Content-Length': 6 });
      res.end('failed');
    }
  };
}

function expressRoutes(app: Express, target?: TapTarget): Server {
  app.disable('x-powered-by');
  app.disable('etag');
  if (target !== undefined) app.use(expressTap(target));
  app.post('/echo', async (req, res) => {
    const body = await buffer(req);
    res.set('Content-Type', textType).send(body);
  });
  app.get('/stream', (_, res) => {
    res.set('Content-Type', textType);
    stream().pipe(res);
  });
  app.get('/empty', (_, res) => {
    res.status(204).end();
  });
  app.get('/items/:id', (req, res) => {
    res.set('Content-Type', jsonType).send(Buffer.from(itemJson(req.params.id)));
  });
  app.get('/fail', (_, res) => {
    res.status(500).set('Content-Type', textType).send('failed');
  });
  return createServer(app);
}

async function fastifyServer(target?: TapTarget): Promise<Server> {
  // As Node has it, since it shows in a header.
  const app = fastify({ keepAliveTimeout: 5000 });
  if (target !== undefined) await app.register(fastifyTap(target));
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_, body, done) => done(null, body));
  app.removeContentTypeParser('text/plain');
  app.post('/echo', async (request, reply) => reply.type(textType).send(request.body));
  app.get('/stream', async (_, reply) => reply.type(textType).send(stream()));
  app.get('/empty', async (_, reply) => reply.code(204).send());
  app.get<{ Params: { id: string } }>('/items/:id', async (request, reply) =>
    reply.type(jsonType).send(Buffer.from(itemJson(request.params.id))),
  );
  app.get('/fail', async (_, reply) => reply.code(500).type(textType).send('failed'));
  await app.ready();
  return app.server;
}

function koaServer(target?: TapTarget): Server {
  const app = new Koa();
  if (target !== undefined) app.use(koaTap(target));
  app.use(async (ctx) => {
    const item = /^\/items\/(\w+)$/.exec(ctx.path);
    if (ctx.path === '/echo') {
      const body = await buffer(ctx.req);
      ctx.type = textType;
      ctx.body = body;
    } else if (ctx.path === '/stream') {
      ctx.type = textType;
      ctx.body = stream();
    } else if (ctx.path === '/empty') {
      ctx.status = 204;
    } else if (item !== null) {
      // What @koa/router does.
      ctx._matchedRoute = '/items/:id';
      ctx.type = jsonType;
      ctx.body = Buffer.from(itemJson(item[1]));
    } else {
      ctx.status = 500;
      ctx.type = textType;
      ctx.body = 'failed';
    }
  });
  return createServer(app.callback());
}

function honoServer(target?: TapTarget): Server {
  const app = new Hono<{ Bindings: HttpBindings }>();
  if (target !== undefined) app.use(honoTap(target));
  const typed = (type: string, length: number): Record<string, string> => ({
    'Content-Type': type,
    'Content-Length': String(length),
  });
  app.post('/echo', async (c) => {
    const body = await c.req.arrayBuffer();
    return c.body(body, 200, typed(textType, body.byteLength));
  });
  app.get('/stream', (c) => {
    const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
      start(controller) {
        for (const chunk of chunksOfStream) controller.enqueue(new TextEncoder().encode(chunk));
        controller.close();
      },
    });
    return c.body(body, 200, { 'Content-Type': textType });
  });
  app.get('/empty', (c) => c.body(null, 204));
  app.get('/items/:id', (c) => {
    const body = new TextEncoder().encode(itemJson(c.req.param('id')));
    return c.body(body, 200, typed(jsonType, body.length));
  });
  app.get('/fail', (c) => c.body('failed', 500, typed(textType, 6)));
  return createServer(getRequestListener(app.fetch));
}

export const apps: readonly App[] = [
  { name: 'node:http', namesOperations: false, create: async (target) => createServer(bare(target)) },
  { name: 'Express 4', namesOperations: true, create: async (target) => expressRoutes(express4(), target) },
  { name: 'Express 5', namesOperations: true, create: async (target) => expressRoutes(express(), target) },
  { name: 'Fastify', namesOperations: true, create: fastifyServer },
  { name: 'Koa', namesOperations: true, create: async (target) => koaServer(target) },
  { name: 'Hono', namesOperations: true, create: async (target) => honoServer(target) },
];
