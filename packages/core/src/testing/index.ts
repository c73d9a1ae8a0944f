// Test support for users and implementers of Gardenhose's ports.

export { assembleAll } from './assemble-all.ts';
export type { ContractCase } from './contract.ts';
export type { ExchangeEventsOptions, ExchangeKind } from './exchange-events.ts';
export { exchangeEvents, exchangeKinds, interleave } from './exchange-events.ts';
export { aCaptureHeader, aChunk, anExchange, aSchema, aStart } from './factories.ts';
export { ManualClock } from './manual-clock.ts';
export { maskerContract } from './masker-contract.ts';
export type { MemoryAnswer, MemorySending } from './memory-sender.ts';
export { MemorySender } from './memory-sender.ts';
export type { SenderUnderTest } from './sender-contract.ts';
export { senderContract } from './sender-contract.ts';
export type { SinkUnderTest } from './sink-contract.ts';
export { sinkContract } from './sink-contract.ts';
