// Tests with real processes wait for conditions with deadlines of their own; this limit only ends a test that hangs.
import { jest } from '@jest/globals';

jest.setTimeout(30_000);
