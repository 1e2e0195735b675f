// Generated from schemas/config.schema.json by `npm run generate`; do not edit.
import ucs2length from 'ajv/dist/runtime/ucs2length.js';

export const validate = validate21;

const schema6 = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  $id: 'https://unpkg.com/oxcache/schemas/config.schema.json',
  type: 'object',
  additionalProperties: false,
  required: ['services'],
  properties: {
    config_version: { type: 'integer', enum: [1] },
    global: { $ref: '#/definitions/global' },
    services: {
      type: 'object',
      minProperties: 1,
      propertyNames: { pattern: '^(?!\\.\\.?$)[A-Za-z0-9_.-]{1,64}$' },
      additionalProperties: { $ref: '#/definitions/service' },
    },
  },
  definitions: {
    global: {
      type: 'object',
      additionalProperties: false,
      properties: {
        default_ttl: { type: ['number', 'string'], exclusiveMinimum: 0, maximum: 2592000 },
        health_check_interval: { type: ['number', 'string'], minimum: 1, maximum: 3600 },
        serialization: { type: 'string', enum: ['json', 'msgpack'] },
        enable_metrics: { type: 'boolean' },
        key_prefix: { type: 'string', pattern: '^(?=.{1,64}$)[A-Za-z0-9_.-]+(?::[A-Za-z0-9_.-]+)*$' },
        log_level: { type: 'string', enum: ['error', 'warn', 'info', 'http', 'verbose', 'debug', 'silly', 'silent'] },
        strategies: {
          type: 'object',
          propertyNames: { pattern: '^[A-Za-z][A-Za-z0-9_-]{0,63}$' },
          additionalProperties: { type: ['number', 'string'], exclusiveMinimum: 0, maximum: 2592000 },
        },
        l1: { $ref: '#/definitions/l1' },
        l2: { $ref: '#/definitions/l2' },
        two_level: { $ref: '#/definitions/two_level' },
        wal: { $ref: '#/definitions/wal' },
        sync: { $ref: '#/definitions/sync' },
      },
    },
    service: {
      type: 'object',
      additionalProperties: false,
      required: ['cache_type'],
      properties: {
        cache_type: { type: 'string', enum: ['l1', 'l2', 'two-level'] },
        ttl: { type: ['number', 'string'], exclusiveMinimum: 0, maximum: 2592000 },
        serialization: { type: 'string', enum: ['json', 'msgpack'] },
        ttl_jitter: { type: 'number', minimum: 0, maximum: 1 },
        null_ttl: { type: ['number', 'string'], minimum: 0, maximum: 2592000 },
        stale_ttl: { type: ['number', 'string'], minimum: 0, maximum: 2592000 },
        refresh_ahead: { type: 'number', minimum: 0, maximum: 1 },
        load_timeout: { type: ['number', 'string'], minimum: 0, maximum: 86400 },
        soft_timeout: { type: ['number', 'string'], minimum: 0, maximum: 86400 },
        load_backoff: { type: ['number', 'string'], minimum: 0, maximum: 3600 },
        single_flight: { type: 'string', enum: ['off', 'process', 'cluster'] },
        l1: { $ref: '#/definitions/l1' },
        l2: { $ref: '#/definitions/l2' },
        two_level: { $ref: '#/definitions/two_level' },
        wal: { $ref: '#/definitions/wal' },
        sync: { $ref: '#/definitions/sync' },
      },
    },
    l1: {
      type: 'object',
      additionalProperties: false,
      properties: {
        max_capacity: { type: 'integer', minimum: 1, maximum: 10000000 },
        max_bytes: { type: 'integer', minimum: 1, maximum: 9007199254740991 },
        ttl: { type: ['number', 'string'], exclusiveMinimum: 0, maximum: 2592000 },
        tti: { type: ['number', 'string'], exclusiveMinimum: 0, maximum: 2592000 },
        initial_capacity: { type: 'integer', minimum: 0, maximum: 10000000 },
        eviction: { type: 'string', enum: ['s3fifo', 'lru', 'tinylfu'] },
        isolation: { type: 'string', enum: ['shared', 'frozen', 'copy'] },
      },
    },
    l2: {
      type: 'object',
      additionalProperties: false,
      properties: {
        mode: { type: 'string', enum: ['standalone', 'sentinel', 'cluster'] },
        connection_string: { type: 'string', minLength: 1 },
        username: { type: 'string' },
        password: { type: 'string' },
        db: { type: 'integer', minimum: 0, maximum: 2147483647 },
        tls: { $ref: '#/definitions/tls' },
        sentinel: { $ref: '#/definitions/sentinel' },
        cluster: { $ref: '#/definitions/cluster' },
        ttl: { type: ['number', 'string'], exclusiveMinimum: 0, maximum: 2592000 },
        connection_timeout_ms: { type: 'integer', minimum: 100, maximum: 30000 },
        command_timeout_ms: { type: 'integer', minimum: 10, maximum: 60000 },
        compression: { type: 'string', enum: ['none', 'gzip', 'brotli', 'zstd'] },
        compression_threshold: { type: 'integer', minimum: 0, maximum: 536870912 },
        max_key_length: { type: 'integer', minimum: 1, maximum: 65536 },
        max_value_size: { type: 'integer', minimum: 1, maximum: 536870912 },
      },
    },
    tls: {
      type: 'object',
      additionalProperties: false,
      properties: {
        ca_file: { type: 'string', minLength: 1 },
        cert_file: { type: 'string', minLength: 1 },
        key_file: { type: 'string', minLength: 1 },
        servername: { type: 'string', minLength: 1 },
        reject_unauthorized: { type: 'boolean' },
      },
    },
    sentinel: {
      type: 'object',
      additionalProperties: false,
      properties: {
        master_name: { type: 'string', minLength: 1 },
        nodes: { $ref: '#/definitions/nodes' },
        username: { type: 'string' },
        password: { type: 'string' },
      },
    },
    cluster: { type: 'object', additionalProperties: false, properties: { nodes: { $ref: '#/definitions/nodes' } } },
    nodes: { type: 'array', minItems: 1, items: { $ref: '#/definitions/node' } },
    node: {
      type: ['string', 'object'],
      pattern:
        '^(?:\\[[0-9A-Fa-f:.]+\\]|[^\\s:/@\\[\\]]+):(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])$',
      additionalProperties: false,
      required: ['host', 'port'],
      properties: {
        host: { type: 'string', pattern: '^[^\\s/@\\[\\]]+$' },
        port: { type: 'integer', minimum: 1, maximum: 65535 },
      },
    },
    two_level: {
      type: 'object',
      additionalProperties: false,
      properties: {
        write_through: { type: 'boolean' },
        promote_on_hit: { type: 'boolean' },
        enable_batch_write: { type: 'boolean' },
        batch_size: { type: 'integer', minimum: 1, maximum: 10000 },
        batch_interval_ms: { type: 'integer', minimum: 1, maximum: 60000 },
        max_pending: { type: 'integer', minimum: 1, maximum: 1000000 },
      },
    },
    wal: {
      type: 'object',
      additionalProperties: false,
      properties: {
        enabled: { type: 'boolean' },
        dir: { type: 'string', pattern: '^[^\\u0000]+$' },
        fsync: { type: 'string', enum: ['always', 'interval', 'never'] },
        fsync_interval_ms: { type: 'integer', minimum: 1, maximum: 60000 },
        max_bytes: { type: 'integer', minimum: 65536, maximum: 9007199254740991 },
        max_age: { type: ['number', 'string'], exclusiveMinimum: 0, maximum: 2592000 },
        replay: { type: 'string', enum: ['restore', 'safe'] },
        mode: { type: 'string', enum: ['outage', 'always'] },
      },
    },
    sync: {
      type: 'object',
      additionalProperties: false,
      properties: {
        enabled: { type: 'boolean' },
        transport: { type: 'string', enum: ['stream', 'pubsub'] },
        on_link_loss: { type: 'string', enum: ['serve', 'bypass'] },
      },
    },
  },
};
const schema7 = {
  type: 'object',
  additionalProperties: false,
  properties: {
    default_ttl: { type: ['number', 'string'], exclusiveMinimum: 0, maximum: 2592000 },
    health_check_interval: { type: ['number', 'string'], minimum: 1, maximum: 3600 },
    serialization: { type: 'string', enum: ['json', 'msgpack'] },
    enable_metrics: { type: 'boolean' },
    key_prefix: { type: 'string', pattern: '^(?=.{1,64}$)[A-Za-z0-9_.-]+(?::[A-Za-z0-9_.-]+)*$' },
    log_level: { type: 'string', enum: ['error', 'warn', 'info', 'http', 'verbose', 'debug', 'silly', 'silent'] },
    strategies: {
      type: 'object',
      propertyNames: { pattern: '^[A-Za-z][A-Za-z0-9_-]{0,63}$' },
      additionalProperties: { type: ['number', 'string'], exclusiveMinimum: 0, maximum: 2592000 },
    },
    l1: { $ref: '#/definitions/l1' },
    l2: { $ref: '#/definitions/l2' },
    two_level: { $ref: '#/definitions/two_level' },
    wal: { $ref: '#/definitions/wal' },
    sync: { $ref: '#/definitions/sync' },
  },
};
const func2 = Object.prototype.hasOwnProperty;
const pattern0 = new RegExp('^(?=.{1,64}$)[A-Za-z0-9_.-]+(?::[A-Za-z0-9_.-]+)*$', 'u');
const pattern1 = new RegExp('^[A-Za-z][A-Za-z0-9_-]{0,63}$', 'u');
const schema8 = {
  type: 'object',
  additionalProperties: false,
  properties: {
    max_capacity: { type: 'integer', minimum: 1, maximum: 10000000 },
    max_bytes: { type: 'integer', minimum: 1, maximum: 9007199254740991 },
    ttl: { type: ['number', 'string'], exclusiveMinimum: 0, maximum: 2592000 },
    tti: { type: ['number', 'string'], exclusiveMinimum: 0, maximum: 2592000 },
    initial_capacity: { type: 'integer', minimum: 0, maximum: 10000000 },
    eviction: { type: 'string', enum: ['s3fifo', 'lru', 'tinylfu'] },
    isolation: { type: 'string', enum: ['shared', 'frozen', 'copy'] },
  },
};

function validate23(data, { instancePath = '', parentData, parentDataProperty, rootData = data } = {}) {
  let vErrors = null;
  let errors = 0;
  if (data && typeof data == 'object' && !Array.isArray(data)) {
    for (const key0 in data) {
      if (!(
        key0 === 'max_capacity' ||
        key0 === 'max_bytes' ||
        key0 === 'ttl' ||
        key0 === 'tti' ||
        key0 === 'initial_capacity' ||
        key0 === 'eviction' ||
        key0 === 'isolation'
      )) {
        const err0 = {
          instancePath,
          schemaPath: '#/additionalProperties',
          keyword: 'additionalProperties',
          params: { additionalProperty: key0 },
        };
        if (vErrors === null) {
          vErrors = [err0];
        } else {
          vErrors.push(err0);
        }
        errors++;
      }
    }
    if (data.max_capacity !== undefined) {
      let data0 = data.max_capacity;
      if (!(typeof data0 == 'number' && !(data0 % 1) && !isNaN(data0) && isFinite(data0))) {
        const err1 = {
          instancePath: instancePath + '/max_capacity',
          schemaPath: '#/properties/max_capacity/type',
          keyword: 'type',
          params: { type: 'integer' },
        };
        if (vErrors === null) {
          vErrors = [err1];
        } else {
          vErrors.push(err1);
        }
        errors++;
      }
      if (typeof data0 == 'number' && isFinite(data0)) {
        if (data0 > 10000000 || isNaN(data0)) {
          const err2 = {
            instancePath: instancePath + '/max_capacity',
            schemaPath: '#/properties/max_capacity/maximum',
            keyword: 'maximum',
            params: { comparison: '<=', limit: 10000000 },
          };
          if (vErrors === null) {
            vErrors = [err2];
          } else {
            vErrors.push(err2);
          }
          errors++;
        }
        if (data0 < 1 || isNaN(data0)) {
          const err3 = {
            instancePath: instancePath + '/max_capacity',
            schemaPath: '#/properties/max_capacity/minimum',
            keyword: 'minimum',
            params: { comparison: '>=', limit: 1 },
          };
          if (vErrors === null) {
            vErrors = [err3];
          } else {
            vErrors.push(err3);
          }
          errors++;
        }
      }
    }
    if (data.max_bytes !== undefined) {
      let data1 = data.max_bytes;
      if (!(typeof data1 == 'number' && !(data1 % 1) && !isNaN(data1) && isFinite(data1))) {
        const err4 = {
          instancePath: instancePath + '/max_bytes',
          schemaPath: '#/properties/max_bytes/type',
          keyword: 'type',
          params: { type: 'integer' },
        };
        if (vErrors === null) {
          vErrors = [err4];
        } else {
          vErrors.push(err4);
        }
        errors++;
      }
      if (typeof data1 == 'number' && isFinite(data1)) {
        if (data1 > 9007199254740991 || isNaN(data1)) {
          const err5 = {
            instancePath: instancePath + '/max_bytes',
            schemaPath: '#/properties/max_bytes/maximum',
            keyword: 'maximum',
            params: { comparison: '<=', limit: 9007199254740991 },
          };
          if (vErrors === null) {
            vErrors = [err5];
          } else {
            vErrors.push(err5);
          }
          errors++;
        }
        if (data1 < 1 || isNaN(data1)) {
          const err6 = {
            instancePath: instancePath + '/max_bytes',
            schemaPath: '#/properties/max_bytes/minimum',
            keyword: 'minimum',
            params: { comparison: '>=', limit: 1 },
          };
          if (vErrors === null) {
            vErrors = [err6];
          } else {
            vErrors.push(err6);
          }
          errors++;
        }
      }
    }
    if (data.ttl !== undefined) {
      let data2 = data.ttl;
      if (!(typeof data2 == 'number' && isFinite(data2)) && typeof data2 !== 'string') {
        const err7 = {
          instancePath: instancePath + '/ttl',
          schemaPath: '#/properties/ttl/type',
          keyword: 'type',
          params: { type: schema8.properties.ttl.type },
        };
        if (vErrors === null) {
          vErrors = [err7];
        } else {
          vErrors.push(err7);
        }
        errors++;
      }
      if (typeof data2 == 'number' && isFinite(data2)) {
        if (data2 > 2592000 || isNaN(data2)) {
          const err8 = {
            instancePath: instancePath + '/ttl',
            schemaPath: '#/properties/ttl/maximum',
            keyword: 'maximum',
            params: { comparison: '<=', limit: 2592000 },
          };
          if (vErrors === null) {
            vErrors = [err8];
          } else {
            vErrors.push(err8);
          }
          errors++;
        }
        if (data2 <= 0 || isNaN(data2)) {
          const err9 = {
            instancePath: instancePath + '/ttl',
            schemaPath: '#/properties/ttl/exclusiveMinimum',
            keyword: 'exclusiveMinimum',
            params: { comparison: '>', limit: 0 },
          };
          if (vErrors === null) {
            vErrors = [err9];
          } else {
            vErrors.push(err9);
          }
          errors++;
        }
      }
    }
    if (data.tti !== undefined) {
      let data3 = data.tti;
      if (!(typeof data3 == 'number' && isFinite(data3)) && typeof data3 !== 'string') {
        const err10 = {
          instancePath: instancePath + '/tti',
          schemaPath: '#/properties/tti/type',
          keyword: 'type',
          params: { type: schema8.properties.tti.type },
        };
        if (vErrors === null) {
          vErrors = [err10];
        } else {
          vErrors.push(err10);
        }
        errors++;
      }
      if (typeof data3 == 'number' && isFinite(data3)) {
        if (data3 > 2592000 || isNaN(data3)) {
          const err11 = {
            instancePath: instancePath + '/tti',
            schemaPath: '#/properties/tti/maximum',
            keyword: 'maximum',
            params: { comparison: '<=', limit: 2592000 },
          };
          if (vErrors === null) {
            vErrors = [err11];
          } else {
            vErrors.push(err11);
          }
          errors++;
        }
        if (data3 <= 0 || isNaN(data3)) {
          const err12 = {
            instancePath: instancePath + '/tti',
            schemaPath: '#/properties/tti/exclusiveMinimum',
            keyword: 'exclusiveMinimum',
            params: { comparison: '>', limit: 0 },
          };
          if (vErrors === null) {
            vErrors = [err12];
          } else {
            vErrors.push(err12);
          }
          errors++;
        }
      }
    }
    if (data.initial_capacity !== undefined) {
      let data4 = data.initial_capacity;
      if (!(typeof data4 == 'number' && !(data4 % 1) && !isNaN(data4) && isFinite(data4))) {
        const err13 = {
          instancePath: instancePath + '/initial_capacity',
          schemaPath: '#/properties/initial_capacity/type',
          keyword: 'type',
          params: { type: 'integer' },
        };
        if (vErrors === null) {
          vErrors = [err13];
        } else {
          vErrors.push(err13);
        }
        errors++;
      }
      if (typeof data4 == 'number' && isFinite(data4)) {
        if (data4 > 10000000 || isNaN(data4)) {
          const err14 = {
            instancePath: instancePath + '/initial_capacity',
            schemaPath: '#/properties/initial_capacity/maximum',
            keyword: 'maximum',
            params: { comparison: '<=', limit: 10000000 },
          };
          if (vErrors === null) {
            vErrors = [err14];
          } else {
            vErrors.push(err14);
          }
          errors++;
        }
        if (data4 < 0 || isNaN(data4)) {
          const err15 = {
            instancePath: instancePath + '/initial_capacity',
            schemaPath: '#/properties/initial_capacity/minimum',
            keyword: 'minimum',
            params: { comparison: '>=', limit: 0 },
          };
          if (vErrors === null) {
            vErrors = [err15];
          } else {
            vErrors.push(err15);
          }
          errors++;
        }
      }
    }
    if (data.eviction !== undefined) {
      let data5 = data.eviction;
      if (typeof data5 !== 'string') {
        const err16 = {
          instancePath: instancePath + '/eviction',
          schemaPath: '#/properties/eviction/type',
          keyword: 'type',
          params: { type: 'string' },
        };
        if (vErrors === null) {
          vErrors = [err16];
        } else {
          vErrors.push(err16);
        }
        errors++;
      }
      if (!(data5 === 's3fifo' || data5 === 'lru' || data5 === 'tinylfu')) {
        const err17 = {
          instancePath: instancePath + '/eviction',
          schemaPath: '#/properties/eviction/enum',
          keyword: 'enum',
          params: { allowedValues: schema8.properties.eviction.enum },
        };
        if (vErrors === null) {
          vErrors = [err17];
        } else {
          vErrors.push(err17);
        }
        errors++;
      }
    }
    if (data.isolation !== undefined) {
      let data6 = data.isolation;
      if (typeof data6 !== 'string') {
        const err18 = {
          instancePath: instancePath + '/isolation',
          schemaPath: '#/properties/isolation/type',
          keyword: 'type',
          params: { type: 'string' },
        };
        if (vErrors === null) {
          vErrors = [err18];
        } else {
          vErrors.push(err18);
        }
        errors++;
      }
      if (!(data6 === 'shared' || data6 === 'frozen' || data6 === 'copy')) {
        const err19 = {
          instancePath: instancePath + '/isolation',
          schemaPath: '#/properties/isolation/enum',
          keyword: 'enum',
          params: { allowedValues: schema8.properties.isolation.enum },
        };
        if (vErrors === null) {
          vErrors = [err19];
        } else {
          vErrors.push(err19);
        }
        errors++;
      }
    }
  } else {
    const err20 = { instancePath, schemaPath: '#/type', keyword: 'type', params: { type: 'object' } };
    if (vErrors === null) {
      vErrors = [err20];
    } else {
      vErrors.push(err20);
    }
    errors++;
  }
  validate23.errors = vErrors;
  return errors === 0;
}

const schema9 = {
  type: 'object',
  additionalProperties: false,
  properties: {
    mode: { type: 'string', enum: ['standalone', 'sentinel', 'cluster'] },
    connection_string: { type: 'string', minLength: 1 },
    username: { type: 'string' },
    password: { type: 'string' },
    db: { type: 'integer', minimum: 0, maximum: 2147483647 },
    tls: { $ref: '#/definitions/tls' },
    sentinel: { $ref: '#/definitions/sentinel' },
    cluster: { $ref: '#/definitions/cluster' },
    ttl: { type: ['number', 'string'], exclusiveMinimum: 0, maximum: 2592000 },
    connection_timeout_ms: { type: 'integer', minimum: 100, maximum: 30000 },
    command_timeout_ms: { type: 'integer', minimum: 10, maximum: 60000 },
    compression: { type: 'string', enum: ['none', 'gzip', 'brotli', 'zstd'] },
    compression_threshold: { type: 'integer', minimum: 0, maximum: 536870912 },
    max_key_length: { type: 'integer', minimum: 1, maximum: 65536 },
    max_value_size: { type: 'integer', minimum: 1, maximum: 536870912 },
  },
};
const func4 = ucs2length.default;
const schema10 = {
  type: 'object',
  additionalProperties: false,
  properties: {
    ca_file: { type: 'string', minLength: 1 },
    cert_file: { type: 'string', minLength: 1 },
    key_file: { type: 'string', minLength: 1 },
    servername: { type: 'string', minLength: 1 },
    reject_unauthorized: { type: 'boolean' },
  },
};

function validate26(data, { instancePath = '', parentData, parentDataProperty, rootData = data } = {}) {
  let vErrors = null;
  let errors = 0;
  if (data && typeof data == 'object' && !Array.isArray(data)) {
    for (const key0 in data) {
      if (!(
        key0 === 'ca_file' ||
        key0 === 'cert_file' ||
        key0 === 'key_file' ||
        key0 === 'servername' ||
        key0 === 'reject_unauthorized'
      )) {
        const err0 = {
          instancePath,
          schemaPath: '#/additionalProperties',
          keyword: 'additionalProperties',
          params: { additionalProperty: key0 },
        };
        if (vErrors === null) {
          vErrors = [err0];
        } else {
          vErrors.push(err0);
        }
        errors++;
      }
    }
    if (data.ca_file !== undefined) {
      let data0 = data.ca_file;
      if (typeof data0 === 'string') {
        if (func4(data0) < 1) {
          const err1 = {
            instancePath: instancePath + '/ca_file',
            schemaPath: '#/properties/ca_file/minLength',
            keyword: 'minLength',
            params: { limit: 1 },
          };
          if (vErrors === null) {
            vErrors = [err1];
          } else {
            vErrors.push(err1);
          }
          errors++;
        }
      } else {
        const err2 = {
          instancePath: instancePath + '/ca_file',
          schemaPath: '#/properties/ca_file/type',
          keyword: 'type',
          params: { type: 'string' },
        };
        if (vErrors === null) {
          vErrors = [err2];
        } else {
          vErrors.push(err2);
        }
        errors++;
      }
    }
    if (data.cert_file !== undefined) {
      let data1 = data.cert_file;
      if (typeof data1 === 'string') {
        if (func4(data1) < 1) {
          const err3 = {
            instancePath: instancePath + '/cert_file',
            schemaPath: '#/properties/cert_file/minLength',
            keyword: 'minLength',
            params: { limit: 1 },
          };
          if (vErrors === null) {
            vErrors = [err3];
          } else {
            vErrors.push(err3);
          }
          errors++;
        }
      } else {
        const err4 = {
          instancePath: instancePath + '/cert_file',
          schemaPath: '#/properties/cert_file/type',
          keyword: 'type',
          params: { type: 'string' },
        };
        if (vErrors === null) {
          vErrors = [err4];
        } else {
          vErrors.push(err4);
        }
        errors++;
      }
    }
    if (data.key_file !== undefined) {
      let data2 = data.key_file;
      if (typeof data2 === 'string') {
        if (func4(data2) < 1) {
          const err5 = {
            instancePath: instancePath + '/key_file',
            schemaPath: '#/properties/key_file/minLength',
            keyword: 'minLength',
            params: { limit: 1 },
          };
          if (vErrors === null) {
            vErrors = [err5];
          } else {
            vErrors.push(err5);
          }
          errors++;
        }
      } else {
        const err6 = {
          instancePath: instancePath + '/key_file',
          schemaPath: '#/properties/key_file/type',
          keyword: 'type',
          params: { type: 'string' },
        };
        if (vErrors === null) {
          vErrors = [err6];
        } else {
          vErrors.push(err6);
        }
        errors++;
      }
    }
    if (data.servername !== undefined) {
      let data3 = data.servername;
      if (typeof data3 === 'string') {
        if (func4(data3) < 1) {
          const err7 = {
            instancePath: instancePath + '/servername',
            schemaPath: '#/properties/servername/minLength',
            keyword: 'minLength',
            params: { limit: 1 },
          };
          if (vErrors === null) {
            vErrors = [err7];
          } else {
            vErrors.push(err7);
          }
          errors++;
        }
      } else {
        const err8 = {
          instancePath: instancePath + '/servername',
          schemaPath: '#/properties/servername/type',
          keyword: 'type',
          params: { type: 'string' },
        };
        if (vErrors === null) {
          vErrors = [err8];
        } else {
          vErrors.push(err8);
        }
        errors++;
      }
    }
    if (data.reject_unauthorized !== undefined) {
      if (typeof data.reject_unauthorized !== 'boolean') {
        const err9 = {
          instancePath: instancePath + '/reject_unauthorized',
          schemaPath: '#/properties/reject_unauthorized/type',
          keyword: 'type',
          params: { type: 'boolean' },
        };
        if (vErrors === null) {
          vErrors = [err9];
        } else {
          vErrors.push(err9);
        }
        errors++;
      }
    }
  } else {
    const err10 = { instancePath, schemaPath: '#/type', keyword: 'type', params: { type: 'object' } };
    if (vErrors === null) {
      vErrors = [err10];
    } else {
      vErrors.push(err10);
    }
    errors++;
  }
  validate26.errors = vErrors;
  return errors === 0;
}

const schema11 = {
  type: 'object',
  additionalProperties: false,
  properties: {
    master_name: { type: 'string', minLength: 1 },
    nodes: { $ref: '#/definitions/nodes' },
    username: { type: 'string' },
    password: { type: 'string' },
  },
};
const schema12 = { type: 'array', minItems: 1, items: { $ref: '#/definitions/node' } };
const schema13 = {
  type: ['string', 'object'],
  pattern:
    '^(?:\\[[0-9A-Fa-f:.]+\\]|[^\\s:/@\\[\\]]+):(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])$',
  additionalProperties: false,
  required: ['host', 'port'],
  properties: { host: { type: 'string', pattern: '^[^\\s/@\\[\\]]+$' }, port: { type: 'integer', minimum: 1, maximum: 65535 } },
};
const pattern2 = new RegExp(
  '^(?:\\[[0-9A-Fa-f:.]+\\]|[^\\s:/@\\[\\]]+):(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])$',
  'u',
);
const pattern3 = new RegExp('^[^\\s/@\\[\\]]+$', 'u');

function validate30(data, { instancePath = '', parentData, parentDataProperty, rootData = data } = {}) {
  let vErrors = null;
  let errors = 0;
  if (typeof data !== 'string' && !(data && typeof data == 'object' && !Array.isArray(data))) {
    const err0 = { instancePath, schemaPath: '#/type', keyword: 'type', params: { type: schema13.type } };
    if (vErrors === null) {
      vErrors = [err0];
    } else {
      vErrors.push(err0);
    }
    errors++;
  }
  if (typeof data === 'string') {
    if (!pattern2.test(data)) {
      const err1 = {
        instancePath,
        schemaPath: '#/pattern',
        keyword: 'pattern',
        params: {
          pattern:
            '^(?:\\[[0-9A-Fa-f:.]+\\]|[^\\s:/@\\[\\]]+):(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])$',
        },
      };
      if (vErrors === null) {
        vErrors = [err1];
      } else {
        vErrors.push(err1);
      }
      errors++;
    }
  }
  if (data && typeof data == 'object' && !Array.isArray(data)) {
    if (data.host === undefined) {
      const err2 = { instancePath, schemaPath: '#/required', keyword: 'required', params: { missingProperty: 'host' } };
      if (vErrors === null) {
        vErrors = [err2];
      } else {
        vErrors.push(err2);
      }
      errors++;
    }
    if (data.port === undefined) {
      const err3 = { instancePath, schemaPath: '#/required', keyword: 'required', params: { missingProperty: 'port' } };
      if (vErrors === null) {
        vErrors = [err3];
      } else {
        vErrors.push(err3);
      }
      errors++;
    }
    for (const key0 in data) {
      if (!(key0 === 'host' || key0 === 'port')) {
        const err4 = {
          instancePath,
          schemaPath: '#/additionalProperties',
          keyword: 'additionalProperties',
          params: { additionalProperty: key0 },
        };
        if (vErrors === null) {
          vErrors = [err4];
        } else {
          vErrors.push(err4);
        }
        errors++;
      }
    }
    if (data.host !== undefined) {
      let data0 = data.host;
      if (typeof data0 === 'string') {
        if (!pattern3.test(data0)) {
          const err5 = {
            instancePath: instancePath + '/host',
            schemaPath: '#/properties/host/pattern',
            keyword: 'pattern',
            params: { pattern: '^[^\\s/@\\[\\]]+$' },
          };
          if (vErrors === null) {
            vErrors = [err5];
          } else {
            vErrors.push(err5);
          }
          errors++;
        }
      } else {
        const err6 = {
          instancePath: instancePath + '/host',
          schemaPath: '#/properties/host/type',
          keyword: 'type',
          params: { type: 'string' },
        };
        if (vErrors === null) {
          vErrors = [err6];
        } else {
          vErrors.push(err6);
        }
        errors++;
      }
    }
    if (data.port !== undefined) {
      let data1 = data.port;
      if (!(typeof data1 == 'number' && !(data1 % 1) && !isNaN(data1) && isFinite(data1))) {
        const err7 = {
          instancePath: instancePath + '/port',
          schemaPath: '#/properties/port/type',
          keyword: 'type',
          params: { type: 'integer' },
        };
        if (vErrors === null) {
          vErrors = [err7];
        } else {
          vErrors.push(err7);
        }
        errors++;
      }
      if (typeof data1 == 'number' && isFinite(data1)) {
        if (data1 > 65535 || isNaN(data1)) {
          const err8 = {
            instancePath: instancePath + '/port',
            schemaPath: '#/properties/port/maximum',
            keyword: 'maximum',
            params: { comparison: '<=', limit: 65535 },
          };
          if (vErrors === null) {
            vErrors = [err8];
          } else {
            vErrors.push(err8);
          }
          errors++;
        }
        if (data1 < 1 || isNaN(data1)) {
          const err9 = {
            instancePath: instancePath + '/port',
            schemaPath: '#/properties/port/minimum',
            keyword: 'minimum',
            params: { comparison: '>=', limit: 1 },
          };
          if (vErrors === null) {
            vErrors = [err9];
          } else {
            vErrors.push(err9);
          }
          errors++;
        }
      }
    }
  }
  validate30.errors = vErrors;
  return errors === 0;
}

function validate29(data, { instancePath = '', parentData, parentDataProperty, rootData = data } = {}) {
  let vErrors = null;
  let errors = 0;
  if (Array.isArray(data)) {
    if (data.length < 1) {
      const err0 = { instancePath, schemaPath: '#/minItems', keyword: 'minItems', params: { limit: 1 } };
      if (vErrors === null) {
        vErrors = [err0];
      } else {
        vErrors.push(err0);
      }
      errors++;
    }
    const len0 = data.length;
    for (let i0 = 0; i0 < len0; i0++) {
      if (!validate30(data[i0], { instancePath: instancePath + '/' + i0, parentData: data, parentDataProperty: i0, rootData })) {
        vErrors = vErrors === null ? validate30.errors : vErrors.concat(validate30.errors);
        errors = vErrors.length;
      }
    }
  } else {
    const err1 = { instancePath, schemaPath: '#/type', keyword: 'type', params: { type: 'array' } };
    if (vErrors === null) {
      vErrors = [err1];
    } else {
      vErrors.push(err1);
    }
    errors++;
  }
  validate29.errors = vErrors;
  return errors === 0;
}

function validate28(data, { instancePath = '', parentData, parentDataProperty, rootData = data } = {}) {
  let vErrors = null;
  let errors = 0;
  if (data && typeof data == 'object' && !Array.isArray(data)) {
    for (const key0 in data) {
      if (!(key0 === 'master_name' || key0 === 'nodes' || key0 === 'username' || key0 === 'password')) {
        const err0 = {
          instancePath,
          schemaPath: '#/additionalProperties',
          keyword: 'additionalProperties',
          params: { additionalProperty: key0 },
        };
        if (vErrors === null) {
          vErrors = [err0];
        } else {
          vErrors.push(err0);
        }
        errors++;
      }
    }
    if (data.master_name !== undefined) {
      let data0 = data.master_name;
      if (typeof data0 === 'string') {
        if (func4(data0) < 1) {
          const err1 = {
            instancePath: instancePath + '/master_name',
            schemaPath: '#/properties/master_name/minLength',
            keyword: 'minLength',
            params: { limit: 1 },
          };
          if (vErrors === null) {
            vErrors = [err1];
          } else {
            vErrors.push(err1);
          }
          errors++;
        }
      } else {
        const err2 = {
          instancePath: instancePath + '/master_name',
          schemaPath: '#/properties/master_name/type',
          keyword: 'type',
          params: { type: 'string' },
        };
        if (vErrors === null) {
          vErrors = [err2];
        } else {
          vErrors.push(err2);
        }
        errors++;
      }
    }
    if (data.nodes !== undefined) {
      if (
        !validate29(data.nodes, {
          instancePath: instancePath + '/nodes',
          parentData: data,
          parentDataProperty: 'nodes',
          rootData,
        })
      ) {
        vErrors = vErrors === null ? validate29.errors : vErrors.concat(validate29.errors);
        errors = vErrors.length;
      }
    }
    if (data.username !== undefined) {
      if (typeof data.username !== 'string') {
        const err3 = {
          instancePath: instancePath + '/username',
          schemaPath: '#/properties/username/type',
          keyword: 'type',
          params: { type: 'string' },
        };
        if (vErrors === null) {
          vErrors = [err3];
        } else {
          vErrors.push(err3);
        }
        errors++;
      }
    }
    if (data.password !== undefined) {
      if (typeof data.password !== 'string') {
        const err4 = {
          instancePath: instancePath + '/password',
          schemaPath: '#/properties/password/type',
          keyword: 'type',
          params: { type: 'string' },
        };
        if (vErrors === null) {
          vErrors = [err4];
        } else {
          vErrors.push(err4);
        }
        errors++;
      }
    }
  } else {
    const err5 = { instancePath, schemaPath: '#/type', keyword: 'type', params: { type: 'object' } };
    if (vErrors === null) {
      vErrors = [err5];
    } else {
      vErrors.push(err5);
    }
    errors++;
  }
  validate28.errors = vErrors;
  return errors === 0;
}

const schema14 = { type: 'object', additionalProperties: false, properties: { nodes: { $ref: '#/definitions/nodes' } } };

function validate34(data, { instancePath = '', parentData, parentDataProperty, rootData = data } = {}) {
  let vErrors = null;
  let errors = 0;
  if (data && typeof data == 'object' && !Array.isArray(data)) {
    for (const key0 in data) {
      if (!(key0 === 'nodes')) {
        const err0 = {
          instancePath,
          schemaPath: '#/additionalProperties',
          keyword: 'additionalProperties',
          params: { additionalProperty: key0 },
        };
        if (vErrors === null) {
          vErrors = [err0];
        } else {
          vErrors.push(err0);
        }
        errors++;
      }
    }
    if (data.nodes !== undefined) {
      if (
        !validate29(data.nodes, {
          instancePath: instancePath + '/nodes',
          parentData: data,
          parentDataProperty: 'nodes',
          rootData,
        })
      ) {
        vErrors = vErrors === null ? validate29.errors : vErrors.concat(validate29.errors);
        errors = vErrors.length;
      }
    }
  } else {
    const err1 = { instancePath, schemaPath: '#/type', keyword: 'type', params: { type: 'object' } };
    if (vErrors === null) {
      vErrors = [err1];
    } else {
      vErrors.push(err1);
    }
    errors++;
  }
  validate34.errors = vErrors;
  return errors === 0;
}

function validate25(data, { instancePath = '', parentData, parentDataProperty, rootData = data } = {}) {
  let vErrors = null;
  let errors = 0;
  if (data && typeof data == 'object' && !Array.isArray(data)) {
    for (const key0 in data) {
      if (!func2.call(schema9.properties, key0)) {
        const err0 = {
          instancePath,
          schemaPath: '#/additionalProperties',
          keyword: 'additionalProperties',
          params: { additionalProperty: key0 },
        };
        if (vErrors === null) {
          vErrors = [err0];
        } else {
          vErrors.push(err0);
        }
        errors++;
      }
    }
    if (data.mode !== undefined) {
      let data0 = data.mode;
      if (typeof data0 !== 'string') {
        const err1 = {
          instancePath: instancePath + '/mode',
          schemaPath: '#/properties/mode/type',
          keyword: 'type',
          params: { type: 'string' },
        };
        if (vErrors === null) {
          vErrors = [err1];
        } else {
          vErrors.push(err1);
        }
        errors++;
      }
      if (!(data0 === 'standalone' || data0 === 'sentinel' || data0 === 'cluster')) {
        const err2 = {
          instancePath: instancePath + '/mode',
          schemaPath: '#/properties/mode/enum',
          keyword: 'enum',
          params: { allowedValues: schema9.properties.mode.enum },
        };
        if (vErrors === null) {
          vErrors = [err2];
        } else {
          vErrors.push(err2);
        }
        errors++;
      }
    }
    if (data.connection_string !== undefined) {
      let data1 = data.connection_string;
      if (typeof data1 === 'string') {
        if (func4(data1) < 1) {
          const err3 = {
            instancePath: instancePath + '/connection_string',
            schemaPath: '#/properties/connection_string/minLength',
            keyword: 'minLength',
            params: { limit: 1 },
          };
          if (vErrors === null) {
            vErrors = [err3];
          } else {
            vErrors.push(err3);
          }
          errors++;
        }
      } else {
        const err4 = {
          instancePath: instancePath + '/connection_string',
          schemaPath: '#/properties/connection_string/type',
          keyword: 'type',
          params: { type: 'string' },
        };
        if (vErrors === null) {
          vErrors = [err4];
        } else {
          vErrors.push(err4);
        }
        errors++;
      }
    }
    if (data.username !== undefined) {
      if (typeof data.username !== 'string') {
        const err5 = {
          instancePath: instancePath + '/username',
          schemaPath: '#/properties/username/type',
          keyword: 'type',
          params: { type: 'string' },
        };
        if (vErrors === null) {
          vErrors = [err5];
        } else {
          vErrors.push(err5);
        }
        errors++;
      }
    }
    if (data.password !== undefined) {
      if (typeof data.password !== 'string') {
        const err6 = {
          instancePath: instancePath + '/password',
          schemaPath: '#/properties/password/type',
          keyword: 'type',
          params: { type: 'string' },
        };
        if (vErrors === null) {
          vErrors = [err6];
        } else {
          vErrors.push(err6);
        }
        errors++;
      }
    }
    if (data.db !== undefined) {
      let data4 = data.db;
      if (!(typeof data4 == 'number' && !(data4 % 1) && !isNaN(data4) && isFinite(data4))) {
        const err7 = {
          instancePath: instancePath + '/db',
          schemaPath: '#/properties/db/type',
          keyword: 'type',
          params: { type: 'integer' },
        };
        if (vErrors === null) {
          vErrors = [err7];
        } else {
          vErrors.push(err7);
        }
        errors++;
      }
      if (typeof data4 == 'number' && isFinite(data4)) {
        if (data4 > 2147483647 || isNaN(data4)) {
          const err8 = {
            instancePath: instancePath + '/db',
            schemaPath: '#/properties/db/maximum',
            keyword: 'maximum',
            params: { comparison: '<=', limit: 2147483647 },
          };
          if (vErrors === null) {
            vErrors = [err8];
          } else {
            vErrors.push(err8);
          }
          errors++;
        }
        if (data4 < 0 || isNaN(data4)) {
          const err9 = {
            instancePath: instancePath + '/db',
            schemaPath: '#/properties/db/minimum',
            keyword: 'minimum',
            params: { comparison: '>=', limit: 0 },
          };
          if (vErrors === null) {
            vErrors = [err9];
          } else {
            vErrors.push(err9);
          }
          errors++;
        }
      }
    }
    if (data.tls !== undefined) {
      if (!validate26(data.tls, { instancePath: instancePath + '/tls', parentData: data, parentDataProperty: 'tls', rootData })) {
        vErrors = vErrors === null ? validate26.errors : vErrors.concat(validate26.errors);
        errors = vErrors.length;
      }
    }
    if (data.sentinel !== undefined) {
      if (
        !validate28(data.sentinel, {
          instancePath: instancePath + '/sentinel',
          parentData: data,
          parentDataProperty: 'sentinel',
          rootData,
        })
      ) {
        vErrors = vErrors === null ? validate28.errors : vErrors.concat(validate28.errors);
        errors = vErrors.length;
      }
    }
    if (data.cluster !== undefined) {
      if (
        !validate34(data.cluster, {
          instancePath: instancePath + '/cluster',
          parentData: data,
          parentDataProperty: 'cluster',
          rootData,
        })
      ) {
        vErrors = vErrors === null ? validate34.errors : vErrors.concat(validate34.errors);
        errors = vErrors.length;
      }
    }
    if (data.ttl !== undefined) {
      let data8 = data.ttl;
      if (!(typeof data8 == 'number' && isFinite(data8)) && typeof data8 !== 'string') {
        const err10 = {
          instancePath: instancePath + '/ttl',
          schemaPath: '#/properties/ttl/type',
          keyword: 'type',
          params: { type: schema9.properties.ttl.type },
        };
        if (vErrors === null) {
          vErrors = [err10];
        } else {
          vErrors.push(err10);
        }
        errors++;
      }
      if (typeof data8 == 'number' && isFinite(data8)) {
        if (data8 > 2592000 || isNaN(data8)) {
          const err11 = {
            instancePath: instancePath + '/ttl',
            schemaPath: '#/properties/ttl/maximum',
            keyword: 'maximum',
            params: { comparison: '<=', limit: 2592000 },
          };
          if (vErrors === null) {
            vErrors = [err11];
          } else {
            vErrors.push(err11);
          }
          errors++;
        }
        if (data8 <= 0 || isNaN(data8)) {
          const err12 = {
            instancePath: instancePath + '/ttl',
            schemaPath: '#/properties/ttl/exclusiveMinimum',
            keyword: 'exclusiveMinimum',
            params: { comparison: '>', limit: 0 },
          };
          if (vErrors === null) {
            vErrors = [err12];
          } else {
            vErrors.push(err12);
          }
          errors++;
        }
      }
    }
    if (data.connection_timeout_ms !== undefined) {
      let data9 = data.connection_timeout_ms;
      if (!(typeof data9 == 'number' && !(data9 % 1) && !isNaN(data9) && isFinite(data9))) {
        const err13 = {
          instancePath: instancePath + '/connection_timeout_ms',
          schemaPath: '#/properties/connection_timeout_ms/type',
          keyword: 'type',
          params: { type: 'integer' },
        };
        if (vErrors === null) {
          vErrors = [err13];
        } else {
          vErrors.push(err13);
        }
        errors++;
      }
      if (typeof data9 == 'number' && isFinite(data9)) {
        if (data9 > 30000 || isNaN(data9)) {
          const err14 = {
            instancePath: instancePath + '/connection_timeout_ms',
            schemaPath: '#/properties/connection_timeout_ms/maximum',
            keyword: 'maximum',
            params: { comparison: '<=', limit: 30000 },
          };
          if (vErrors === null) {
            vErrors = [err14];
          } else {
            vErrors.push(err14);
          }
          errors++;
        }
        if (data9 < 100 || isNaN(data9)) {
          const err15 = {
            instancePath: instancePath + '/connection_timeout_ms',
            schemaPath: '#/properties/connection_timeout_ms/minimum',
            keyword: 'minimum',
            params: { comparison: '>=', limit: 100 },
          };
          if (vErrors === null) {
            vErrors = [err15];
          } else {
            vErrors.push(err15);
          }
          errors++;
        }
      }
    }
    if (data.command_timeout_ms !== undefined) {
      let data10 = data.command_timeout_ms;
      if (!(typeof data10 == 'number' && !(data10 % 1) && !isNaN(data10) && isFinite(data10))) {
        const err16 = {
          instancePath: instancePath + '/command_timeout_ms',
          schemaPath: '#/properties/command_timeout_ms/type',
          keyword: 'type',
          params: { type: 'integer' },
        };
        if (vErrors === null) {
          vErrors = [err16];
        } else {
          vErrors.push(err16);
        }
        errors++;
      }
      if (typeof data10 == 'number' && isFinite(data10)) {
        if (data10 > 60000 || isNaN(data10)) {
          const err17 = {
            instancePath: instancePath + '/command_timeout_ms',
            schemaPath: '#/properties/command_timeout_ms/maximum',
            keyword: 'maximum',
            params: { comparison: '<=', limit: 60000 },
          };
          if (vErrors === null) {
            vErrors = [err17];
          } else {
            vErrors.push(err17);
          }
          errors++;
        }
        if (data10 < 10 || isNaN(data10)) {
          const err18 = {
            instancePath: instancePath + '/command_timeout_ms',
            schemaPath: '#/properties/command_timeout_ms/minimum',
            keyword: 'minimum',
            params: { comparison: '>=', limit: 10 },
          };
          if (vErrors === null) {
            vErrors = [err18];
          } else {
            vErrors.push(err18);
          }
          errors++;
        }
      }
    }
    if (data.compression !== undefined) {
      let data11 = data.compression;
      if (typeof data11 !== 'string') {
        const err19 = {
          instancePath: instancePath + '/compression',
          schemaPath: '#/properties/compression/type',
          keyword: 'type',
          params: { type: 'string' },
        };
        if (vErrors === null) {
          vErrors = [err19];
        } else {
          vErrors.push(err19);
        }
        errors++;
      }
      if (!(data11 === 'none' || data11 === 'gzip' || data11 === 'brotli' || data11 === 'zstd')) {
        const err20 = {
          instancePath: instancePath + '/compression',
          schemaPath: '#/properties/compression/enum',
          keyword: 'enum',
          params: { allowedValues: schema9.properties.compression.enum },
        };
        if (vErrors === null) {
          vErrors = [err20];
        } else {
          vErrors.push(err20);
        }
        errors++;
      }
    }
    if (data.compression_threshold !== undefined) {
      let data12 = data.compression_threshold;
      if (!(typeof data12 == 'number' && !(data12 % 1) && !isNaN(data12) && isFinite(data12))) {
        const err21 = {
          instancePath: instancePath + '/compression_threshold',
          schemaPath: '#/properties/compression_threshold/type',
          keyword: 'type',
          params: { type: 'integer' },
        };
        if (vErrors === null) {
          vErrors = [err21];
        } else {
          vErrors.push(err21);
        }
        errors++;
      }
      if (typeof data12 == 'number' && isFinite(data12)) {
        if (data12 > 536870912 || isNaN(data12)) {
          const err22 = {
            instancePath: instancePath + '/compression_threshold',
            schemaPath: '#/properties/compression_threshold/maximum',
            keyword: 'maximum',
            params: { comparison: '<=', limit: 536870912 },
          };
          if (vErrors === null) {
            vErrors = [err22];
          } else {
            vErrors.push(err22);
          }
          errors++;
        }
        if (data12 < 0 || isNaN(data12)) {
          const err23 = {
            instancePath: instancePath + '/compression_threshold',
            schemaPath: '#/properties/compression_threshold/minimum',
            keyword: 'minimum',
            params: { comparison: '>=', limit: 0 },
          };
          if (vErrors === null) {
            vErrors = [err23];
          } else {
            vErrors.push(err23);
          }
          errors++;
        }
      }
    }
    if (data.max_key_length !== undefined) {
      let data13 = data.max_key_length;
      if (!(typeof data13 == 'number' && !(data13 % 1) && !isNaN(data13) && isFinite(data13))) {
        const err24 = {
          instancePath: instancePath + '/max_key_length',
          schemaPath: '#/properties/max_key_length/type',
          keyword: 'type',
          params: { type: 'integer' },
        };
        if (vErrors === null) {
          vErrors = [err24];
        } else {
          vErrors.push(err24);
        }
        errors++;
      }
      if (typeof data13 == 'number' && isFinite(data13)) {
        if (data13 > 65536 || isNaN(data13)) {
          const err25 = {
            instancePath: instancePath + '/max_key_length',
            schemaPath: '#/properties/max_key_length/maximum',
            keyword: 'maximum',
            params: { comparison: '<=', limit: 65536 },
          };
          if (vErrors === null) {
            vErrors = [err25];
          } else {
            vErrors.push(err25);
          }
          errors++;
        }
        if (data13 < 1 || isNaN(data13)) {
          const err26 = {
            instancePath: instancePath + '/max_key_length',
            schemaPath: '#/properties/max_key_length/minimum',
            keyword: 'minimum',
            params: { comparison: '>=', limit: 1 },
          };
          if (vErrors === null) {
            vErrors = [err26];
          } else {
            vErrors.push(err26);
          }
          errors++;
        }
      }
    }
    if (data.max_value_size !== undefined) {
      let data14 = data.max_value_size;
      if (!(typeof data14 == 'number' && !(data14 % 1) && !isNaN(data14) && isFinite(data14))) {
        const err27 = {
          instancePath: instancePath + '/max_value_size',
          schemaPath: '#/properties/max_value_size/type',
          keyword: 'type',
          params: { type: 'integer' },
        };
        if (vErrors === null) {
          vErrors = [err27];
        } else {
          vErrors.push(err27);
        }
        errors++;
      }
      if (typeof data14 == 'number' && isFinite(data14)) {
        if (data14 > 536870912 || isNaN(data14)) {
          const err28 = {
            instancePath: instancePath + '/max_value_size',
            schemaPath: '#/properties/max_value_size/maximum',
            keyword: 'maximum',
            params: { comparison: '<=', limit: 536870912 },
          };
          if (vErrors === null) {
            vErrors = [err28];
          } else {
            vErrors.push(err28);
          }
          errors++;
        }
        if (data14 < 1 || isNaN(data14)) {
          const err29 = {
            instancePath: instancePath + '/max_value_size',
            schemaPath: '#/properties/max_value_size/minimum',
            keyword: 'minimum',
            params: { comparison: '>=', limit: 1 },
          };
          if (vErrors === null) {
            vErrors = [err29];
          } else {
            vErrors.push(err29);
          }
          errors++;
        }
      }
    }
  } else {
    const err30 = { instancePath, schemaPath: '#/type', keyword: 'type', params: { type: 'object' } };
    if (vErrors === null) {
      vErrors = [err30];
    } else {
      vErrors.push(err30);
    }
    errors++;
  }
  validate25.errors = vErrors;
  return errors === 0;
}

const schema15 = {
  type: 'object',
  additionalProperties: false,
  properties: {
    write_through: { type: 'boolean' },
    promote_on_hit: { type: 'boolean' },
    enable_batch_write: { type: 'boolean' },
    batch_size: { type: 'integer', minimum: 1, maximum: 10000 },
    batch_interval_ms: { type: 'integer', minimum: 1, maximum: 60000 },
    max_pending: { type: 'integer', minimum: 1, maximum: 1000000 },
  },
};

function validate38(data, { instancePath = '', parentData, parentDataProperty, rootData = data } = {}) {
  let vErrors = null;
  let errors = 0;
  if (data && typeof data == 'object' && !Array.isArray(data)) {
    for (const key0 in data) {
      if (!(
        key0 === 'write_through' ||
        key0 === 'promote_on_hit' ||
        key0 === 'enable_batch_write' ||
        key0 === 'batch_size' ||
        key0 === 'batch_interval_ms' ||
        key0 === 'max_pending'
      )) {
        const err0 = {
          instancePath,
          schemaPath: '#/additionalProperties',
          keyword: 'additionalProperties',
          params: { additionalProperty: key0 },
        };
        if (vErrors === null) {
          vErrors = [err0];
        } else {
          vErrors.push(err0);
        }
        errors++;
      }
    }
    if (data.write_through !== undefined) {
      if (typeof data.write_through !== 'boolean') {
        const err1 = {
          instancePath: instancePath + '/write_through',
          schemaPath: '#/properties/write_through/type',
          keyword: 'type',
          params: { type: 'boolean' },
        };
        if (vErrors === null) {
          vErrors = [err1];
        } else {
          vErrors.push(err1);
        }
        errors++;
      }
    }
    if (data.promote_on_hit !== undefined) {
      if (typeof data.promote_on_hit !== 'boolean') {
        const err2 = {
          instancePath: instancePath + '/promote_on_hit',
          schemaPath: '#/properties/promote_on_hit/type',
          keyword: 'type',
          params: { type: 'boolean' },
        };
        if (vErrors === null) {
          vErrors = [err2];
        } else {
          vErrors.push(err2);
        }
        errors++;
      }
    }
    if (data.enable_batch_write !== undefined) {
      if (typeof data.enable_batch_write !== 'boolean') {
        const err3 = {
          instancePath: instancePath + '/enable_batch_write',
          schemaPath: '#/properties/enable_batch_write/type',
          keyword: 'type',
          params: { type: 'boolean' },
        };
        if (vErrors === null) {
          vErrors = [err3];
        } else {
          vErrors.push(err3);
        }
        errors++;
      }
    }
    if (data.batch_size !== undefined) {
      let data3 = data.batch_size;
      if (!(typeof data3 == 'number' && !(data3 % 1) && !isNaN(data3) && isFinite(data3))) {
        const err4 = {
          instancePath: instancePath + '/batch_size',
          schemaPath: '#/properties/batch_size/type',
          keyword: 'type',
          params: { type: 'integer' },
        };
        if (vErrors === null) {
          vErrors = [err4];
        } else {
          vErrors.push(err4);
        }
        errors++;
      }
      if (typeof data3 == 'number' && isFinite(data3)) {
        if (data3 > 10000 || isNaN(data3)) {
          const err5 = {
            instancePath: instancePath + '/batch_size',
            schemaPath: '#/properties/batch_size/maximum',
            keyword: 'maximum',
            params: { comparison: '<=', limit: 10000 },
          };
          if (vErrors === null) {
            vErrors = [err5];
          } else {
            vErrors.push(err5);
          }
          errors++;
        }
        if (data3 < 1 || isNaN(data3)) {
          const err6 = {
            instancePath: instancePath + '/batch_size',
            schemaPath: '#/properties/batch_size/minimum',
            keyword: 'minimum',
            params: { comparison: '>=', limit: 1 },
          };
          if (vErrors === null) {
            vErrors = [err6];
          } else {
            vErrors.push(err6);
          }
          errors++;
        }
      }
    }
    if (data.batch_interval_ms !== undefined) {
      let data4 = data.batch_interval_ms;
      if (!(typeof data4 == 'number' && !(data4 % 1) && !isNaN(data4) && isFinite(data4))) {
        const err7 = {
          instancePath: instancePath + '/batch_interval_ms',
          schemaPath: '#/properties/batch_interval_ms/type',
          keyword: 'type',
          params: { type: 'integer' },
        };
        if (vErrors === null) {
          vErrors = [err7];
        } else {
          vErrors.push(err7);
        }
        errors++;
      }
      if (typeof data4 == 'number' && isFinite(data4)) {
        if (data4 > 60000 || isNaN(data4)) {
          const err8 = {
            instancePath: instancePath + '/batch_interval_ms',
            schemaPath: '#/properties/batch_interval_ms/maximum',
            keyword: 'maximum',
            params: { comparison: '<=', limit: 60000 },
          };
          if (vErrors === null) {
            vErrors = [err8];
          } else {
            vErrors.push(err8);
          }
          errors++;
        }
        if (data4 < 1 || isNaN(data4)) {
          const err9 = {
            instancePath: instancePath + '/batch_interval_ms',
            schemaPath: '#/properties/batch_interval_ms/minimum',
            keyword: 'minimum',
            params: { comparison: '>=', limit: 1 },
          };
          if (vErrors === null) {
            vErrors = [err9];
          } else {
            vErrors.push(err9);
          }
          errors++;
        }
      }
    }
    if (data.max_pending !== undefined) {
      let data5 = data.max_pending;
      if (!(typeof data5 == 'number' && !(data5 % 1) && !isNaN(data5) && isFinite(data5))) {
        const err10 = {
          instancePath: instancePath + '/max_pending',
          schemaPath: '#/properties/max_pending/type',
          keyword: 'type',
          params: { type: 'integer' },
        };
        if (vErrors === null) {
          vErrors = [err10];
        } else {
          vErrors.push(err10);
        }
        errors++;
      }
      if (typeof data5 == 'number' && isFinite(data5)) {
        if (data5 > 1000000 || isNaN(data5)) {
          const err11 = {
            instancePath: instancePath + '/max_pending',
            schemaPath: '#/properties/max_pending/maximum',
            keyword: 'maximum',
            params: { comparison: '<=', limit: 1000000 },
          };
          if (vErrors === null) {
            vErrors = [err11];
          } else {
            vErrors.push(err11);
          }
          errors++;
        }
        if (data5 < 1 || isNaN(data5)) {
          const err12 = {
            instancePath: instancePath + '/max_pending',
            schemaPath: '#/properties/max_pending/minimum',
            keyword: 'minimum',
            params: { comparison: '>=', limit: 1 },
          };
          if (vErrors === null) {
            vErrors = [err12];
          } else {
            vErrors.push(err12);
          }
          errors++;
        }
      }
    }
  } else {
    const err13 = { instancePath, schemaPath: '#/type', keyword: 'type', params: { type: 'object' } };
    if (vErrors === null) {
      vErrors = [err13];
    } else {
      vErrors.push(err13);
    }
    errors++;
  }
  validate38.errors = vErrors;
  return errors === 0;
}

const schema16 = {
  type: 'object',
  additionalProperties: false,
  properties: {
    enabled: { type: 'boolean' },
    dir: { type: 'string', pattern: '^[^\\u0000]+$' },
    fsync: { type: 'string', enum: ['always', 'interval', 'never'] },
    fsync_interval_ms: { type: 'integer', minimum: 1, maximum: 60000 },
    max_bytes: { type: 'integer', minimum: 65536, maximum: 9007199254740991 },
    max_age: { type: ['number', 'string'], exclusiveMinimum: 0, maximum: 2592000 },
    replay: { type: 'string', enum: ['restore', 'safe'] },
    mode: { type: 'string', enum: ['outage', 'always'] },
  },
};
const pattern4 = new RegExp('^[^\\u0000]+$', 'u');

function validate40(data, { instancePath = '', parentData, parentDataProperty, rootData = data } = {}) {
  let vErrors = null;
  let errors = 0;
  if (data && typeof data == 'object' && !Array.isArray(data)) {
    for (const key0 in data) {
      if (!(
        key0 === 'enabled' ||
        key0 === 'dir' ||
        key0 === 'fsync' ||
        key0 === 'fsync_interval_ms' ||
        key0 === 'max_bytes' ||
        key0 === 'max_age' ||
        key0 === 'replay' ||
        key0 === 'mode'
      )) {
        const err0 = {
          instancePath,
          schemaPath: '#/additionalProperties',
          keyword: 'additionalProperties',
          params: { additionalProperty: key0 },
        };
        if (vErrors === null) {
          vErrors = [err0];
        } else {
          vErrors.push(err0);
        }
        errors++;
      }
    }
    if (data.enabled !== undefined) {
      if (typeof data.enabled !== 'boolean') {
        const err1 = {
          instancePath: instancePath + '/enabled',
          schemaPath: '#/properties/enabled/type',
          keyword: 'type',
          params: { type: 'boolean' },
        };
        if (vErrors === null) {
          vErrors = [err1];
        } else {
          vErrors.push(err1);
        }
        errors++;
      }
    }
    if (data.dir !== undefined) {
      let data1 = data.dir;
      if (typeof data1 === 'string') {
        if (!pattern4.test(data1)) {
          const err2 = {
            instancePath: instancePath + '/dir',
            schemaPath: '#/properties/dir/pattern',
            keyword: 'pattern',
            params: { pattern: '^[^\\u0000]+$' },
          };
          if (vErrors === null) {
            vErrors = [err2];
          } else {
            vErrors.push(err2);
          }
          errors++;
        }
      } else {
        const err3 = {
          instancePath: instancePath + '/dir',
          schemaPath: '#/properties/dir/type',
          keyword: 'type',
          params: { type: 'string' },
        };
        if (vErrors === null) {
          vErrors = [err3];
        } else {
          vErrors.push(err3);
        }
        errors++;
      }
    }
    if (data.fsync !== undefined) {
      let data2 = data.fsync;
      if (typeof data2 !== 'string') {
        const err4 = {
          instancePath: instancePath + '/fsync',
          schemaPath: '#/properties/fsync/type',
          keyword: 'type',
          params: { type: 'string' },
        };
        if (vErrors === null) {
          vErrors = [err4];
        } else {
          vErrors.push(err4);
        }
        errors++;
      }
      if (!(data2 === 'always' || data2 === 'interval' || data2 === 'never')) {
        const err5 = {
          instancePath: instancePath + '/fsync',
          schemaPath: '#/properties/fsync/enum',
          keyword: 'enum',
          params: { allowedValues: schema16.properties.fsync.enum },
        };
        if (vErrors === null) {
          vErrors = [err5];
        } else {
          vErrors.push(err5);
        }
        errors++;
      }
    }
    if (data.fsync_interval_ms !== undefined) {
      let data3 = data.fsync_interval_ms;
      if (!(typeof data3 == 'number' && !(data3 % 1) && !isNaN(data3) && isFinite(data3))) {
        const err6 = {
          instancePath: instancePath + '/fsync_interval_ms',
          schemaPath: '#/properties/fsync_interval_ms/type',
          keyword: 'type',
          params: { type: 'integer' },
        };
        if (vErrors === null) {
          vErrors = [err6];
        } else {
          vErrors.push(err6);
        }
        errors++;
      }
      if (typeof data3 == 'number' && isFinite(data3)) {
        if (data3 > 60000 || isNaN(data3)) {
          const err7 = {
            instancePath: instancePath + '/fsync_interval_ms',
            schemaPath: '#/properties/fsync_interval_ms/maximum',
            keyword: 'maximum',
            params: { comparison: '<=', limit: 60000 },
          };
          if (vErrors === null) {
            vErrors = [err7];
          } else {
            vErrors.push(err7);
          }
          errors++;
        }
        if (data3 < 1 || isNaN(data3)) {
          const err8 = {
            instancePath: instancePath + '/fsync_interval_ms',
            schemaPath: '#/properties/fsync_interval_ms/minimum',
            keyword: 'minimum',
            params: { comparison: '>=', limit: 1 },
          };
          if (vErrors === null) {
            vErrors = [err8];
          } else {
            vErrors.push(err8);
          }
          errors++;
        }
      }
    }
    if (data.max_bytes !== undefined) {
      let data4 = data.max_bytes;
      if (!(typeof data4 == 'number' && !(data4 % 1) && !isNaN(data4) && isFinite(data4))) {
        const err9 = {
          instancePath: instancePath + '/max_bytes',
          schemaPath: '#/properties/max_bytes/type',
          keyword: 'type',
          params: { type: 'integer' },
        };
        if (vErrors === null) {
          vErrors = [err9];
        } else {
          vErrors.push(err9);
        }
        errors++;
      }
      if (typeof data4 == 'number' && isFinite(data4)) {
        if (data4 > 9007199254740991 || isNaN(data4)) {
          const err10 = {
            instancePath: instancePath + '/max_bytes',
            schemaPath: '#/properties/max_bytes/maximum',
            keyword: 'maximum',
            params: { comparison: '<=', limit: 9007199254740991 },
          };
          if (vErrors === null) {
            vErrors = [err10];
          } else {
            vErrors.push(err10);
          }
          errors++;
        }
        if (data4 < 65536 || isNaN(data4)) {
          const err11 = {
            instancePath: instancePath + '/max_bytes',
            schemaPath: '#/properties/max_bytes/minimum',
            keyword: 'minimum',
            params: { comparison: '>=', limit: 65536 },
          };
          if (vErrors === null) {
            vErrors = [err11];
          } else {
            vErrors.push(err11);
          }
          errors++;
        }
      }
    }
    if (data.max_age !== undefined) {
      let data5 = data.max_age;
      if (!(typeof data5 == 'number' && isFinite(data5)) && typeof data5 !== 'string') {
        const err12 = {
          instancePath: instancePath + '/max_age',
          schemaPath: '#/properties/max_age/type',
          keyword: 'type',
          params: { type: schema16.properties.max_age.type },
        };
        if (vErrors === null) {
          vErrors = [err12];
        } else {
          vErrors.push(err12);
        }
        errors++;
      }
      if (typeof data5 == 'number' && isFinite(data5)) {
        if (data5 > 2592000 || isNaN(data5)) {
          const err13 = {
            instancePath: instancePath + '/max_age',
            schemaPath: '#/properties/max_age/maximum',
            keyword: 'maximum',
            params: { comparison: '<=', limit: 2592000 },
          };
          if (vErrors === null) {
            vErrors = [err13];
          } else {
            vErrors.push(err13);
          }
          errors++;
        }
        if (data5 <= 0 || isNaN(data5)) {
          const err14 = {
            instancePath: instancePath + '/max_age',
            schemaPath: '#/properties/max_age/exclusiveMinimum',
            keyword: 'exclusiveMinimum',
            params: { comparison: '>', limit: 0 },
          };
          if (vErrors === null) {
            vErrors = [err14];
          } else {
            vErrors.push(err14);
          }
          errors++;
        }
      }
    }
    if (data.replay !== undefined) {
      let data6 = data.replay;
      if (typeof data6 !== 'string') {
        const err15 = {
          instancePath: instancePath + '/replay',
          schemaPath: '#/properties/replay/type',
          keyword: 'type',
          params: { type: 'string' },
        };
        if (vErrors === null) {
          vErrors = [err15];
        } else {
          vErrors.push(err15);
        }
        errors++;
      }
      if (!(data6 === 'restore' || data6 === 'safe')) {
        const err16 = {
          instancePath: instancePath + '/replay',
          schemaPath: '#/properties/replay/enum',
          keyword: 'enum',
          params: { allowedValues: schema16.properties.replay.enum },
        };
        if (vErrors === null) {
          vErrors = [err16];
        } else {
          vErrors.push(err16);
        }
        errors++;
      }
    }
    if (data.mode !== undefined) {
      let data7 = data.mode;
      if (typeof data7 !== 'string') {
        const err17 = {
          instancePath: instancePath + '/mode',
          schemaPath: '#/properties/mode/type',
          keyword: 'type',
          params: { type: 'string' },
        };
        if (vErrors === null) {
          vErrors = [err17];
        } else {
          vErrors.push(err17);
        }
        errors++;
      }
      if (!(data7 === 'outage' || data7 === 'always')) {
        const err18 = {
          instancePath: instancePath + '/mode',
          schemaPath: '#/properties/mode/enum',
          keyword: 'enum',
          params: { allowedValues: schema16.properties.mode.enum },
        };
        if (vErrors === null) {
          vErrors = [err18];
        } else {
          vErrors.push(err18);
        }
        errors++;
      }
    }
  } else {
    const err19 = { instancePath, schemaPath: '#/type', keyword: 'type', params: { type: 'object' } };
    if (vErrors === null) {
      vErrors = [err19];
    } else {
      vErrors.push(err19);
    }
    errors++;
  }
  validate40.errors = vErrors;
  return errors === 0;
}

const schema17 = {
  type: 'object',
  additionalProperties: false,
  properties: {
    enabled: { type: 'boolean' },
    transport: { type: 'string', enum: ['stream', 'pubsub'] },
    on_link_loss: { type: 'string', enum: ['serve', 'bypass'] },
  },
};

function validate42(data, { instancePath = '', parentData, parentDataProperty, rootData = data } = {}) {
  let vErrors = null;
  let errors = 0;
  if (data && typeof data == 'object' && !Array.isArray(data)) {
    for (const key0 in data) {
      if (!(key0 === 'enabled' || key0 === 'transport' || key0 === 'on_link_loss')) {
        const err0 = {
          instancePath,
          schemaPath: '#/additionalProperties',
          keyword: 'additionalProperties',
          params: { additionalProperty: key0 },
        };
        if (vErrors === null) {
          vErrors = [err0];
        } else {
          vErrors.push(err0);
        }
        errors++;
      }
    }
    if (data.enabled !== undefined) {
      if (typeof data.enabled !== 'boolean') {
        const err1 = {
          instancePath: instancePath + '/enabled',
          schemaPath: '#/properties/enabled/type',
          keyword: 'type',
          params: { type: 'boolean' },
        };
        if (vErrors === null) {
          vErrors = [err1];
        } else {
          vErrors.push(err1);
        }
        errors++;
      }
    }
    if (data.transport !== undefined) {
      let data1 = data.transport;
      if (typeof data1 !== 'string') {
        const err2 = {
          instancePath: instancePath + '/transport',
          schemaPath: '#/properties/transport/type',
          keyword: 'type',
          params: { type: 'string' },
        };
        if (vErrors === null) {
          vErrors = [err2];
        } else {
          vErrors.push(err2);
        }
        errors++;
      }
      if (!(data1 === 'stream' || data1 === 'pubsub')) {
        const err3 = {
          instancePath: instancePath + '/transport',
          schemaPath: '#/properties/transport/enum',
          keyword: 'enum',
          params: { allowedValues: schema17.properties.transport.enum },
        };
        if (vErrors === null) {
          vErrors = [err3];
        } else {
          vErrors.push(err3);
        }
        errors++;
      }
    }
    if (data.on_link_loss !== undefined) {
      let data2 = data.on_link_loss;
      if (typeof data2 !== 'string') {
        const err4 = {
          instancePath: instancePath + '/on_link_loss',
          schemaPath: '#/properties/on_link_loss/type',
          keyword: 'type',
          params: { type: 'string' },
        };
        if (vErrors === null) {
          vErrors = [err4];
        } else {
          vErrors.push(err4);
        }
        errors++;
      }
      if (!(data2 === 'serve' || data2 === 'bypass')) {
        const err5 = {
          instancePath: instancePath + '/on_link_loss',
          schemaPath: '#/properties/on_link_loss/enum',
          keyword: 'enum',
          params: { allowedValues: schema17.properties.on_link_loss.enum },
        };
        if (vErrors === null) {
          vErrors = [err5];
        } else {
          vErrors.push(err5);
        }
        errors++;
      }
    }
  } else {
    const err6 = { instancePath, schemaPath: '#/type', keyword: 'type', params: { type: 'object' } };
    if (vErrors === null) {
      vErrors = [err6];
    } else {
      vErrors.push(err6);
    }
    errors++;
  }
  validate42.errors = vErrors;
  return errors === 0;
}

function validate22(data, { instancePath = '', parentData, parentDataProperty, rootData = data } = {}) {
  let vErrors = null;
  let errors = 0;
  if (data && typeof data == 'object' && !Array.isArray(data)) {
    for (const key0 in data) {
      if (!func2.call(schema7.properties, key0)) {
        const err0 = {
          instancePath,
          schemaPath: '#/additionalProperties',
          keyword: 'additionalProperties',
          params: { additionalProperty: key0 },
        };
        if (vErrors === null) {
          vErrors = [err0];
        } else {
          vErrors.push(err0);
        }
        errors++;
      }
    }
    if (data.default_ttl !== undefined) {
      let data0 = data.default_ttl;
      if (!(typeof data0 == 'number' && isFinite(data0)) && typeof data0 !== 'string') {
        const err1 = {
          instancePath: instancePath + '/default_ttl',
          schemaPath: '#/properties/default_ttl/type',
          keyword: 'type',
          params: { type: schema7.properties.default_ttl.type },
        };
        if (vErrors === null) {
          vErrors = [err1];
        } else {
          vErrors.push(err1);
        }
        errors++;
      }
      if (typeof data0 == 'number' && isFinite(data0)) {
        if (data0 > 2592000 || isNaN(data0)) {
          const err2 = {
            instancePath: instancePath + '/default_ttl',
            schemaPath: '#/properties/default_ttl/maximum',
            keyword: 'maximum',
            params: { comparison: '<=', limit: 2592000 },
          };
          if (vErrors === null) {
            vErrors = [err2];
          } else {
            vErrors.push(err2);
          }
          errors++;
        }
        if (data0 <= 0 || isNaN(data0)) {
          const err3 = {
            instancePath: instancePath + '/default_ttl',
            schemaPath: '#/properties/default_ttl/exclusiveMinimum',
            keyword: 'exclusiveMinimum',
            params: { comparison: '>', limit: 0 },
          };
          if (vErrors === null) {
            vErrors = [err3];
          } else {
            vErrors.push(err3);
          }
          errors++;
        }
      }
    }
    if (data.health_check_interval !== undefined) {
      let data1 = data.health_check_interval;
      if (!(typeof data1 == 'number' && isFinite(data1)) && typeof data1 !== 'string') {
        const err4 = {
          instancePath: instancePath + '/health_check_interval',
          schemaPath: '#/properties/health_check_interval/type',
          keyword: 'type',
          params: { type: schema7.properties.health_check_interval.type },
        };
        if (vErrors === null) {
          vErrors = [err4];
        } else {
          vErrors.push(err4);
        }
        errors++;
      }
      if (typeof data1 == 'number' && isFinite(data1)) {
        if (data1 > 3600 || isNaN(data1)) {
          const err5 = {
            instancePath: instancePath + '/health_check_interval',
            schemaPath: '#/properties/health_check_interval/maximum',
            keyword: 'maximum',
            params: { comparison: '<=', limit: 3600 },
          };
          if (vErrors === null) {
            vErrors = [err5];
          } else {
            vErrors.push(err5);
          }
          errors++;
        }
        if (data1 < 1 || isNaN(data1)) {
          const err6 = {
            instancePath: instancePath + '/health_check_interval',
            schemaPath: '#/properties/health_check_interval/minimum',
            keyword: 'minimum',
            params: { comparison: '>=', limit: 1 },
          };
          if (vErrors === null) {
            vErrors = [err6];
          } else {
            vErrors.push(err6);
          }
          errors++;
        }
      }
    }
    if (data.serialization !== undefined) {
      let data2 = data.serialization;
      if (typeof data2 !== 'string') {
        const err7 = {
          instancePath: instancePath + '/serialization',
          schemaPath: '#/properties/serialization/type',
          keyword: 'type',
          params: { type: 'string' },
        };
        if (vErrors === null) {
          vErrors = [err7];
        } else {
          vErrors.push(err7);
        }
        errors++;
      }
      if (!(data2 === 'json' || data2 === 'msgpack')) {
        const err8 = {
          instancePath: instancePath + '/serialization',
          schemaPath: '#/properties/serialization/enum',
          keyword: 'enum',
          params: { allowedValues: schema7.properties.serialization.enum },
        };
        if (vErrors === null) {
          vErrors = [err8];
        } else {
          vErrors.push(err8);
        }
        errors++;
      }
    }
    if (data.enable_metrics !== undefined) {
      if (typeof data.enable_metrics !== 'boolean') {
        const err9 = {
          instancePath: instancePath + '/enable_metrics',
          schemaPath: '#/properties/enable_metrics/type',
          keyword: 'type',
          params: { type: 'boolean' },
        };
        if (vErrors === null) {
          vErrors = [err9];
        } else {
          vErrors.push(err9);
        }
        errors++;
      }
    }
    if (data.key_prefix !== undefined) {
      let data4 = data.key_prefix;
      if (typeof data4 === 'string') {
        if (!pattern0.test(data4)) {
          const err10 = {
            instancePath: instancePath + '/key_prefix',
            schemaPath: '#/properties/key_prefix/pattern',
            keyword: 'pattern',
            params: { pattern: '^(?=.{1,64}$)[A-Za-z0-9_.-]+(?::[A-Za-z0-9_.-]+)*$' },
          };
          if (vErrors === null) {
            vErrors = [err10];
          } else {
            vErrors.push(err10);
          }
          errors++;
        }
      } else {
        const err11 = {
          instancePath: instancePath + '/key_prefix',
          schemaPath: '#/properties/key_prefix/type',
          keyword: 'type',
          params: { type: 'string' },
        };
        if (vErrors === null) {
          vErrors = [err11];
        } else {
          vErrors.push(err11);
        }
        errors++;
      }
    }
    if (data.log_level !== undefined) {
      let data5 = data.log_level;
      if (typeof data5 !== 'string') {
        const err12 = {
          instancePath: instancePath + '/log_level',
          schemaPath: '#/properties/log_level/type',
          keyword: 'type',
          params: { type: 'string' },
        };
        if (vErrors === null) {
          vErrors = [err12];
        } else {
          vErrors.push(err12);
        }
        errors++;
      }
      if (!(
        data5 === 'error' ||
        data5 === 'warn' ||
        data5 === 'info' ||
        data5 === 'http' ||
        data5 === 'verbose' ||
        data5 === 'debug' ||
        data5 === 'silly' ||
        data5 === 'silent'
      )) {
        const err13 = {
          instancePath: instancePath + '/log_level',
          schemaPath: '#/properties/log_level/enum',
          keyword: 'enum',
          params: { allowedValues: schema7.properties.log_level.enum },
        };
        if (vErrors === null) {
          vErrors = [err13];
        } else {
          vErrors.push(err13);
        }
        errors++;
      }
    }
    if (data.strategies !== undefined) {
      let data6 = data.strategies;
      if (data6 && typeof data6 == 'object' && !Array.isArray(data6)) {
        for (const key1 in data6) {
          const _errs16 = errors;
          if (typeof key1 === 'string') {
            if (!pattern1.test(key1)) {
              const err14 = {
                instancePath: instancePath + '/strategies',
                schemaPath: '#/properties/strategies/propertyNames/pattern',
                keyword: 'pattern',
                params: { pattern: '^[A-Za-z][A-Za-z0-9_-]{0,63}$' },
                propertyName: key1,
              };
              if (vErrors === null) {
                vErrors = [err14];
              } else {
                vErrors.push(err14);
              }
              errors++;
            }
          }
          var valid1 = _errs16 === errors;
          if (!valid1) {
            const err15 = {
              instancePath: instancePath + '/strategies',
              schemaPath: '#/properties/strategies/propertyNames',
              keyword: 'propertyNames',
              params: { propertyName: key1 },
            };
            if (vErrors === null) {
              vErrors = [err15];
            } else {
              vErrors.push(err15);
            }
            errors++;
          }
        }
        for (const key2 in data6) {
          let data7 = data6[key2];
          if (!(typeof data7 == 'number' && isFinite(data7)) && typeof data7 !== 'string') {
            const err16 = {
              instancePath: instancePath + '/strategies/' + key2.replace(/~/g, '~0').replace(/\//g, '~1'),
              schemaPath: '#/properties/strategies/additionalProperties/type',
              keyword: 'type',
              params: { type: schema7.properties.strategies.additionalProperties.type },
            };
            if (vErrors === null) {
              vErrors = [err16];
            } else {
              vErrors.push(err16);
            }
            errors++;
          }
          if (typeof data7 == 'number' && isFinite(data7)) {
            if (data7 > 2592000 || isNaN(data7)) {
              const err17 = {
                instancePath: instancePath + '/strategies/' + key2.replace(/~/g, '~0').replace(/\//g, '~1'),
                schemaPath: '#/properties/strategies/additionalProperties/maximum',
                keyword: 'maximum',
                params: { comparison: '<=', limit: 2592000 },
              };
              if (vErrors === null) {
                vErrors = [err17];
              } else {
                vErrors.push(err17);
              }
              errors++;
            }
            if (data7 <= 0 || isNaN(data7)) {
              const err18 = {
                instancePath: instancePath + '/strategies/' + key2.replace(/~/g, '~0').replace(/\//g, '~1'),
                schemaPath: '#/properties/strategies/additionalProperties/exclusiveMinimum',
                keyword: 'exclusiveMinimum',
                params: { comparison: '>', limit: 0 },
              };
              if (vErrors === null) {
                vErrors = [err18];
              } else {
                vErrors.push(err18);
              }
              errors++;
            }
          }
        }
      } else {
        const err19 = {
          instancePath: instancePath + '/strategies',
          schemaPath: '#/properties/strategies/type',
          keyword: 'type',
          params: { type: 'object' },
        };
        if (vErrors === null) {
          vErrors = [err19];
        } else {
          vErrors.push(err19);
        }
        errors++;
      }
    }
    if (data.l1 !== undefined) {
      if (!validate23(data.l1, { instancePath: instancePath + '/l1', parentData: data, parentDataProperty: 'l1', rootData })) {
        vErrors = vErrors === null ? validate23.errors : vErrors.concat(validate23.errors);
        errors = vErrors.length;
      }
    }
    if (data.l2 !== undefined) {
      if (!validate25(data.l2, { instancePath: instancePath + '/l2', parentData: data, parentDataProperty: 'l2', rootData })) {
        vErrors = vErrors === null ? validate25.errors : vErrors.concat(validate25.errors);
        errors = vErrors.length;
      }
    }
    if (data.two_level !== undefined) {
      if (
        !validate38(data.two_level, {
          instancePath: instancePath + '/two_level',
          parentData: data,
          parentDataProperty: 'two_level',
          rootData,
        })
      ) {
        vErrors = vErrors === null ? validate38.errors : vErrors.concat(validate38.errors);
        errors = vErrors.length;
      }
    }
    if (data.wal !== undefined) {
      if (!validate40(data.wal, { instancePath: instancePath + '/wal', parentData: data, parentDataProperty: 'wal', rootData })) {
        vErrors = vErrors === null ? validate40.errors : vErrors.concat(validate40.errors);
        errors = vErrors.length;
      }
    }
    if (data.sync !== undefined) {
      if (
        !validate42(data.sync, { instancePath: instancePath + '/sync', parentData: data, parentDataProperty: 'sync', rootData })
      ) {
        vErrors = vErrors === null ? validate42.errors : vErrors.concat(validate42.errors);
        errors = vErrors.length;
      }
    }
  } else {
    const err20 = { instancePath, schemaPath: '#/type', keyword: 'type', params: { type: 'object' } };
    if (vErrors === null) {
      vErrors = [err20];
    } else {
      vErrors.push(err20);
    }
    errors++;
  }
  validate22.errors = vErrors;
  return errors === 0;
}

const schema18 = {
  type: 'object',
  additionalProperties: false,
  required: ['cache_type'],
  properties: {
    cache_type: { type: 'string', enum: ['l1', 'l2', 'two-level'] },
    ttl: { type: ['number', 'string'], exclusiveMinimum: 0, maximum: 2592000 },
    serialization: { type: 'string', enum: ['json', 'msgpack'] },
    ttl_jitter: { type: 'number', minimum: 0, maximum: 1 },
    null_ttl: { type: ['number', 'string'], minimum: 0, maximum: 2592000 },
    stale_ttl: { type: ['number', 'string'], minimum: 0, maximum: 2592000 },
    refresh_ahead: { type: 'number', minimum: 0, maximum: 1 },
    load_timeout: { type: ['number', 'string'], minimum: 0, maximum: 86400 },
    soft_timeout: { type: ['number', 'string'], minimum: 0, maximum: 86400 },
    load_backoff: { type: ['number', 'string'], minimum: 0, maximum: 3600 },
    single_flight: { type: 'string', enum: ['off', 'process', 'cluster'] },
    l1: { $ref: '#/definitions/l1' },
    l2: { $ref: '#/definitions/l2' },
    two_level: { $ref: '#/definitions/two_level' },
    wal: { $ref: '#/definitions/wal' },
    sync: { $ref: '#/definitions/sync' },
  },
};

function validate45(data, { instancePath = '', parentData, parentDataProperty, rootData = data } = {}) {
  let vErrors = null;
  let errors = 0;
  if (data && typeof data == 'object' && !Array.isArray(data)) {
    if (data.cache_type === undefined) {
      const err0 = { instancePath, schemaPath: '#/required', keyword: 'required', params: { missingProperty: 'cache_type' } };
      if (vErrors === null) {
        vErrors = [err0];
      } else {
        vErrors.push(err0);
      }
      errors++;
    }
    for (const key0 in data) {
      if (!func2.call(schema18.properties, key0)) {
        const err1 = {
          instancePath,
          schemaPath: '#/additionalProperties',
          keyword: 'additionalProperties',
          params: { additionalProperty: key0 },
        };
        if (vErrors === null) {
          vErrors = [err1];
        } else {
          vErrors.push(err1);
        }
        errors++;
      }
    }
    if (data.cache_type !== undefined) {
      let data0 = data.cache_type;
      if (typeof data0 !== 'string') {
        const err2 = {
          instancePath: instancePath + '/cache_type',
          schemaPath: '#/properties/cache_type/type',
          keyword: 'type',
          params: { type: 'string' },
        };
        if (vErrors === null) {
          vErrors = [err2];
        } else {
          vErrors.push(err2);
        }
        errors++;
      }
      if (!(data0 === 'l1' || data0 === 'l2' || data0 === 'two-level')) {
        const err3 = {
          instancePath: instancePath + '/cache_type',
          schemaPath: '#/properties/cache_type/enum',
          keyword: 'enum',
          params: { allowedValues: schema18.properties.cache_type.enum },
        };
        if (vErrors === null) {
          vErrors = [err3];
        } else {
          vErrors.push(err3);
        }
        errors++;
      }
    }
    if (data.ttl !== undefined) {
      let data1 = data.ttl;
      if (!(typeof data1 == 'number' && isFinite(data1)) && typeof data1 !== 'string') {
        const err4 = {
          instancePath: instancePath + '/ttl',
          schemaPath: '#/properties/ttl/type',
          keyword: 'type',
          params: { type: schema18.properties.ttl.type },
        };
        if (vErrors === null) {
          vErrors = [err4];
        } else {
          vErrors.push(err4);
        }
        errors++;
      }
      if (typeof data1 == 'number' && isFinite(data1)) {
        if (data1 > 2592000 || isNaN(data1)) {
          const err5 = {
            instancePath: instancePath + '/ttl',
            schemaPath: '#/properties/ttl/maximum',
            keyword: 'maximum',
            params: { comparison: '<=', limit: 2592000 },
          };
          if (vErrors === null) {
            vErrors = [err5];
          } else {
            vErrors.push(err5);
          }
          errors++;
        }
        if (data1 <= 0 || isNaN(data1)) {
          const err6 = {
            instancePath: instancePath + '/ttl',
            schemaPath: '#/properties/ttl/exclusiveMinimum',
            keyword: 'exclusiveMinimum',
            params: { comparison: '>', limit: 0 },
          };
          if (vErrors === null) {
            vErrors = [err6];
          } else {
            vErrors.push(err6);
          }
          errors++;
        }
      }
    }
    if (data.serialization !== undefined) {
      let data2 = data.serialization;
      if (typeof data2 !== 'string') {
        const err7 = {
          instancePath: instancePath + '/serialization',
          schemaPath: '#/properties/serialization/type',
          keyword: 'type',
          params: { type: 'string' },
        };
        if (vErrors === null) {
          vErrors = [err7];
        } else {
          vErrors.push(err7);
        }
        errors++;
      }
      if (!(data2 === 'json' || data2 === 'msgpack')) {
        const err8 = {
          instancePath: instancePath + '/serialization',
          schemaPath: '#/properties/serialization/enum',
          keyword: 'enum',
          params: { allowedValues: schema18.properties.serialization.enum },
        };
        if (vErrors === null) {
          vErrors = [err8];
        } else {
          vErrors.push(err8);
        }
        errors++;
      }
    }
    if (data.ttl_jitter !== undefined) {
      let data3 = data.ttl_jitter;
      if (typeof data3 == 'number' && isFinite(data3)) {
        if (data3 > 1 || isNaN(data3)) {
          const err9 = {
            instancePath: instancePath + '/ttl_jitter',
            schemaPath: '#/properties/ttl_jitter/maximum',
            keyword: 'maximum',
            params: { comparison: '<=', limit: 1 },
          };
          if (vErrors === null) {
            vErrors = [err9];
          } else {
            vErrors.push(err9);
          }
          errors++;
        }
        if (data3 < 0 || isNaN(data3)) {
          const err10 = {
            instancePath: instancePath + '/ttl_jitter',
            schemaPath: '#/properties/ttl_jitter/minimum',
            keyword: 'minimum',
            params: { comparison: '>=', limit: 0 },
          };
          if (vErrors === null) {
            vErrors = [err10];
          } else {
            vErrors.push(err10);
          }
          errors++;
        }
      } else {
        const err11 = {
          instancePath: instancePath + '/ttl_jitter',
          schemaPath: '#/properties/ttl_jitter/type',
          keyword: 'type',
          params: { type: 'number' },
        };
        if (vErrors === null) {
          vErrors = [err11];
        } else {
          vErrors.push(err11);
        }
        errors++;
      }
    }
    if (data.null_ttl !== undefined) {
      let data4 = data.null_ttl;
      if (!(typeof data4 == 'number' && isFinite(data4)) && typeof data4 !== 'string') {
        const err12 = {
          instancePath: instancePath + '/null_ttl',
          schemaPath: '#/properties/null_ttl/type',
          keyword: 'type',
          params: { type: schema18.properties.null_ttl.type },
        };
        if (vErrors === null) {
          vErrors = [err12];
        } else {
          vErrors.push(err12);
        }
        errors++;
      }
      if (typeof data4 == 'number' && isFinite(data4)) {
        if (data4 > 2592000 || isNaN(data4)) {
          const err13 = {
            instancePath: instancePath + '/null_ttl',
            schemaPath: '#/properties/null_ttl/maximum',
            keyword: 'maximum',
            params: { comparison: '<=', limit: 2592000 },
          };
          if (vErrors === null) {
            vErrors = [err13];
          } else {
            vErrors.push(err13);
          }
          errors++;
        }
        if (data4 < 0 || isNaN(data4)) {
          const err14 = {
            instancePath: instancePath + '/null_ttl',
            schemaPath: '#/properties/null_ttl/minimum',
            keyword: 'minimum',
            params: { comparison: '>=', limit: 0 },
          };
          if (vErrors === null) {
            vErrors = [err14];
          } else {
            vErrors.push(err14);
          }
          errors++;
        }
      }
    }
    if (data.stale_ttl !== undefined) {
      let data5 = data.stale_ttl;
      if (!(typeof data5 == 'number' && isFinite(data5)) && typeof data5 !== 'string') {
        const err15 = {
          instancePath: instancePath + '/stale_ttl',
          schemaPath: '#/properties/stale_ttl/type',
          keyword: 'type',
          params: { type: schema18.properties.stale_ttl.type },
        };
        if (vErrors === null) {
          vErrors = [err15];
        } else {
          vErrors.push(err15);
        }
        errors++;
      }
      if (typeof data5 == 'number' && isFinite(data5)) {
        if (data5 > 2592000 || isNaN(data5)) {
          const err16 = {
            instancePath: instancePath + '/stale_ttl',
            schemaPath: '#/properties/stale_ttl/maximum',
            keyword: 'maximum',
            params: { comparison: '<=', limit: 2592000 },
          };
          if (vErrors === null) {
            vErrors = [err16];
          } else {
            vErrors.push(err16);
          }
          errors++;
        }
        if (data5 < 0 || isNaN(data5)) {
          const err17 = {
            instancePath: instancePath + '/stale_ttl',
            schemaPath: '#/properties/stale_ttl/minimum',
            keyword: 'minimum',
            params: { comparison: '>=', limit: 0 },
          };
          if (vErrors === null) {
            vErrors = [err17];
          } else {
            vErrors.push(err17);
          }
          errors++;
        }
      }
    }
    if (data.refresh_ahead !== undefined) {
      let data6 = data.refresh_ahead;
      if (typeof data6 == 'number' && isFinite(data6)) {
        if (data6 > 1 || isNaN(data6)) {
          const err18 = {
            instancePath: instancePath + '/refresh_ahead',
            schemaPath: '#/properties/refresh_ahead/maximum',
            keyword: 'maximum',
            params: { comparison: '<=', limit: 1 },
          };
          if (vErrors === null) {
            vErrors = [err18];
          } else {
            vErrors.push(err18);
          }
          errors++;
        }
        if (data6 < 0 || isNaN(data6)) {
          const err19 = {
            instancePath: instancePath + '/refresh_ahead',
            schemaPath: '#/properties/refresh_ahead/minimum',
            keyword: 'minimum',
            params: { comparison: '>=', limit: 0 },
          };
          if (vErrors === null) {
            vErrors = [err19];
          } else {
            vErrors.push(err19);
          }
          errors++;
        }
      } else {
        const err20 = {
          instancePath: instancePath + '/refresh_ahead',
          schemaPath: '#/properties/refresh_ahead/type',
          keyword: 'type',
          params: { type: 'number' },
        };
        if (vErrors === null) {
          vErrors = [err20];
        } else {
          vErrors.push(err20);
        }
        errors++;
      }
    }
    if (data.load_timeout !== undefined) {
      let data7 = data.load_timeout;
      if (!(typeof data7 == 'number' && isFinite(data7)) && typeof data7 !== 'string') {
        const err21 = {
          instancePath: instancePath + '/load_timeout',
          schemaPath: '#/properties/load_timeout/type',
          keyword: 'type',
          params: { type: schema18.properties.load_timeout.type },
        };
        if (vErrors === null) {
          vErrors = [err21];
        } else {
          vErrors.push(err21);
        }
        errors++;
      }
      if (typeof data7 == 'number' && isFinite(data7)) {
        if (data7 > 86400 || isNaN(data7)) {
          const err22 = {
            instancePath: instancePath + '/load_timeout',
            schemaPath: '#/properties/load_timeout/maximum',
            keyword: 'maximum',
            params: { comparison: '<=', limit: 86400 },
          };
          if (vErrors === null) {
            vErrors = [err22];
          } else {
            vErrors.push(err22);
          }
          errors++;
        }
        if (data7 < 0 || isNaN(data7)) {
          const err23 = {
            instancePath: instancePath + '/load_timeout',
            schemaPath: '#/properties/load_timeout/minimum',
            keyword: 'minimum',
            params: { comparison: '>=', limit: 0 },
          };
          if (vErrors === null) {
            vErrors = [err23];
          } else {
            vErrors.push(err23);
          }
          errors++;
        }
      }
    }
    if (data.soft_timeout !== undefined) {
      let data8 = data.soft_timeout;
      if (!(typeof data8 == 'number' && isFinite(data8)) && typeof data8 !== 'string') {
        const err24 = {
          instancePath: instancePath + '/soft_timeout',
          schemaPath: '#/properties/soft_timeout/type',
          keyword: 'type',
          params: { type: schema18.properties.soft_timeout.type },
        };
        if (vErrors === null) {
          vErrors = [err24];
        } else {
          vErrors.push(err24);
        }
        errors++;
      }
      if (typeof data8 == 'number' && isFinite(data8)) {
        if (data8 > 86400 || isNaN(data8)) {
          const err25 = {
            instancePath: instancePath + '/soft_timeout',
            schemaPath: '#/properties/soft_timeout/maximum',
            keyword: 'maximum',
            params: { comparison: '<=', limit: 86400 },
          };
          if (vErrors === null) {
            vErrors = [err25];
          } else {
            vErrors.push(err25);
          }
          errors++;
        }
        if (data8 < 0 || isNaN(data8)) {
          const err26 = {
            instancePath: instancePath + '/soft_timeout',
            schemaPath: '#/properties/soft_timeout/minimum',
            keyword: 'minimum',
            params: { comparison: '>=', limit: 0 },
          };
          if (vErrors === null) {
            vErrors = [err26];
          } else {
            vErrors.push(err26);
          }
          errors++;
        }
      }
    }
    if (data.load_backoff !== undefined) {
      let data9 = data.load_backoff;
      if (!(typeof data9 == 'number' && isFinite(data9)) && typeof data9 !== 'string') {
        const err27 = {
          instancePath: instancePath + '/load_backoff',
          schemaPath: '#/properties/load_backoff/type',
          keyword: 'type',
          params: { type: schema18.properties.load_backoff.type },
        };
        if (vErrors === null) {
          vErrors = [err27];
        } else {
          vErrors.push(err27);
        }
        errors++;
      }
      if (typeof data9 == 'number' && isFinite(data9)) {
        if (data9 > 3600 || isNaN(data9)) {
          const err28 = {
            instancePath: instancePath + '/load_backoff',
            schemaPath: '#/properties/load_backoff/maximum',
            keyword: 'maximum',
            params: { comparison: '<=', limit: 3600 },
          };
          if (vErrors === null) {
            vErrors = [err28];
          } else {
            vErrors.push(err28);
          }
          errors++;
        }
        if (data9 < 0 || isNaN(data9)) {
          const err29 = {
            instancePath: instancePath + '/load_backoff',
            schemaPath: '#/properties/load_backoff/minimum',
            keyword: 'minimum',
            params: { comparison: '>=', limit: 0 },
          };
          if (vErrors === null) {
            vErrors = [err29];
          } else {
            vErrors.push(err29);
          }
          errors++;
        }
      }
    }
    if (data.single_flight !== undefined) {
      let data10 = data.single_flight;
      if (typeof data10 !== 'string') {
        const err30 = {
          instancePath: instancePath + '/single_flight',
          schemaPath: '#/properties/single_flight/type',
          keyword: 'type',
          params: { type: 'string' },
        };
        if (vErrors === null) {
          vErrors = [err30];
        } else {
          vErrors.push(err30);
        }
        errors++;
      }
      if (!(data10 === 'off' || data10 === 'process' || data10 === 'cluster')) {
        const err31 = {
          instancePath: instancePath + '/single_flight',
          schemaPath: '#/properties/single_flight/enum',
          keyword: 'enum',
          params: { allowedValues: schema18.properties.single_flight.enum },
        };
        if (vErrors === null) {
          vErrors = [err31];
        } else {
          vErrors.push(err31);
        }
        errors++;
      }
    }
    if (data.l1 !== undefined) {
      if (!validate23(data.l1, { instancePath: instancePath + '/l1', parentData: data, parentDataProperty: 'l1', rootData })) {
        vErrors = vErrors === null ? validate23.errors : vErrors.concat(validate23.errors);
        errors = vErrors.length;
      }
    }
    if (data.l2 !== undefined) {
      if (!validate25(data.l2, { instancePath: instancePath + '/l2', parentData: data, parentDataProperty: 'l2', rootData })) {
        vErrors = vErrors === null ? validate25.errors : vErrors.concat(validate25.errors);
        errors = vErrors.length;
      }
    }
    if (data.two_level !== undefined) {
      if (
        !validate38(data.two_level, {
          instancePath: instancePath + '/two_level',
          parentData: data,
          parentDataProperty: 'two_level',
          rootData,
        })
      ) {
        vErrors = vErrors === null ? validate38.errors : vErrors.concat(validate38.errors);
        errors = vErrors.length;
      }
    }
    if (data.wal !== undefined) {
      if (!validate40(data.wal, { instancePath: instancePath + '/wal', parentData: data, parentDataProperty: 'wal', rootData })) {
        vErrors = vErrors === null ? validate40.errors : vErrors.concat(validate40.errors);
        errors = vErrors.length;
      }
    }
    if (data.sync !== undefined) {
      if (
        !validate42(data.sync, { instancePath: instancePath + '/sync', parentData: data, parentDataProperty: 'sync', rootData })
      ) {
        vErrors = vErrors === null ? validate42.errors : vErrors.concat(validate42.errors);
        errors = vErrors.length;
      }
    }
  } else {
    const err32 = { instancePath, schemaPath: '#/type', keyword: 'type', params: { type: 'object' } };
    if (vErrors === null) {
      vErrors = [err32];
    } else {
      vErrors.push(err32);
    }
    errors++;
  }
  validate45.errors = vErrors;
  return errors === 0;
}

const pattern5 = new RegExp('^(?!\\.\\.?$)[A-Za-z0-9_.-]{1,64}$', 'u');

function validate21(data, { instancePath = '', parentData, parentDataProperty, rootData = data } = {}) {
  /*# sourceURL="https://unpkg.com/oxcache/schemas/config.schema.json" */ let vErrors = null;
  let errors = 0;
  if (data && typeof data == 'object' && !Array.isArray(data)) {
    if (data.services === undefined) {
      const err0 = { instancePath, schemaPath: '#/required', keyword: 'required', params: { missingProperty: 'services' } };
      if (vErrors === null) {
        vErrors = [err0];
      } else {
        vErrors.push(err0);
      }
      errors++;
    }
    for (const key0 in data) {
      if (!(key0 === 'config_version' || key0 === 'global' || key0 === 'services')) {
        const err1 = {
          instancePath,
          schemaPath: '#/additionalProperties',
          keyword: 'additionalProperties',
          params: { additionalProperty: key0 },
        };
        if (vErrors === null) {
          vErrors = [err1];
        } else {
          vErrors.push(err1);
        }
        errors++;
      }
    }
    if (data.config_version !== undefined) {
      let data0 = data.config_version;
      if (!(typeof data0 == 'number' && !(data0 % 1) && !isNaN(data0) && isFinite(data0))) {
        const err2 = {
          instancePath: instancePath + '/config_version',
          schemaPath: '#/properties/config_version/type',
          keyword: 'type',
          params: { type: 'integer' },
        };
        if (vErrors === null) {
          vErrors = [err2];
        } else {
          vErrors.push(err2);
        }
        errors++;
      }
      if (!(data0 === 1)) {
        const err3 = {
          instancePath: instancePath + '/config_version',
          schemaPath: '#/properties/config_version/enum',
          keyword: 'enum',
          params: { allowedValues: schema6.properties.config_version.enum },
        };
        if (vErrors === null) {
          vErrors = [err3];
        } else {
          vErrors.push(err3);
        }
        errors++;
      }
    }
    if (data.global !== undefined) {
      if (
        !validate22(data.global, {
          instancePath: instancePath + '/global',
          parentData: data,
          parentDataProperty: 'global',
          rootData,
        })
      ) {
        vErrors = vErrors === null ? validate22.errors : vErrors.concat(validate22.errors);
        errors = vErrors.length;
      }
    }
    if (data.services !== undefined) {
      let data2 = data.services;
      if (data2 && typeof data2 == 'object' && !Array.isArray(data2)) {
        if (Object.keys(data2).length < 1) {
          const err4 = {
            instancePath: instancePath + '/services',
            schemaPath: '#/properties/services/minProperties',
            keyword: 'minProperties',
            params: { limit: 1 },
          };
          if (vErrors === null) {
            vErrors = [err4];
          } else {
            vErrors.push(err4);
          }
          errors++;
        }
        for (const key1 in data2) {
          const _errs7 = errors;
          if (typeof key1 === 'string') {
            if (!pattern5.test(key1)) {
              const err5 = {
                instancePath: instancePath + '/services',
                schemaPath: '#/properties/services/propertyNames/pattern',
                keyword: 'pattern',
                params: { pattern: '^(?!\\.\\.?$)[A-Za-z0-9_.-]{1,64}$' },
                propertyName: key1,
              };
              if (vErrors === null) {
                vErrors = [err5];
              } else {
                vErrors.push(err5);
              }
              errors++;
            }
          }
          var valid1 = _errs7 === errors;
          if (!valid1) {
            const err6 = {
              instancePath: instancePath + '/services',
              schemaPath: '#/properties/services/propertyNames',
              keyword: 'propertyNames',
              params: { propertyName: key1 },
            };
            if (vErrors === null) {
              vErrors = [err6];
            } else {
              vErrors.push(err6);
            }
            errors++;
          }
        }
        for (const key2 in data2) {
          if (
            !validate45(data2[key2], {
              instancePath: instancePath + '/services/' + key2.replace(/~/g, '~0').replace(/\//g, '~1'),
              parentData: data2,
              parentDataProperty: key2,
              rootData,
            })
          ) {
            vErrors = vErrors === null ? validate45.errors : vErrors.concat(validate45.errors);
            errors = vErrors.length;
          }
        }
      } else {
        const err7 = {
          instancePath: instancePath + '/services',
          schemaPath: '#/properties/services/type',
          keyword: 'type',
          params: { type: 'object' },
        };
        if (vErrors === null) {
          vErrors = [err7];
        } else {
          vErrors.push(err7);
        }
        errors++;
      }
    }
  } else {
    const err8 = { instancePath, schemaPath: '#/type', keyword: 'type', params: { type: 'object' } };
    if (vErrors === null) {
      vErrors = [err8];
    } else {
      vErrors.push(err8);
    }
    errors++;
  }
  validate21.errors = vErrors;
  return errors === 0;
}
