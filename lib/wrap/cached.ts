/** `cached` over the process-wide registry. */
import { getWrapperClient, registryGeneration } from '../manager/registry.js';
import { createCached, type Cached } from './create-cached.js';

/** {@inheritDoc Cached} */
export const cached: Cached = createCached({ getClient: getWrapperClient, generation: registryGeneration });
