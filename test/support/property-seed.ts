import fc from 'fast-check';

// The suite tries the same cases each time, so that it passes or fails by what changed; `npm run fuzz:properties` tries others.
const { PROPERTY_SEED: seed = '1' } = process.env;
if (seed !== 'random') fc.configureGlobal({ seed: Number(seed) });
