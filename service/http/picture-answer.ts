import type { FastifyReply, FastifyRequest } from 'fastify';
import { PICTURE_FORMATS, type Picture, type PictureFormat } from '../drawing/shapes.js';
import { ServiceError } from '../errors.js';
import type { PictureOrder } from '../predict.js';
import type { ServingModel } from '../serving/serving-model.js';
import type { Parameters } from '../tasks/task.js';
import { Accepted } from './accept.js';

const JSON_TYPE = 'application/json';

export function mediaTypeOf(format: PictureFormat): `image/${PictureFormat}` {
  return `image/${format}`;
}

/**
 * Which picture a request asks for instead of JSON, or undefined where it asks for none. JSON is what whoever has no
 * preference gets, and whoever takes neither JSON nor images.
 * Throws NOT_ACCEPTABLE where only images are taken, and none can be had.
 */
export function pictureFor(
  request: FastifyRequest,
  model: ServingModel,
  parameters: Parameters,
): PictureOrder | undefined {
  const accepted = new Accepted(request.headers.accept);
  const formats = model.draws ? PICTURE_FORMATS : [];
  const best = accepted.best([JSON_TYPE, ...formats.map(mediaTypeOf)]);
  if (best === undefined && accepted.wantsImage) throw notAcceptable(model, formats);
  const format = formats.find((each) => mediaTypeOf(each) === best);
  return format && model.pictureOrder(format, parameters);
}

/** Throws NOT_ACCEPTABLE where the picture is of another kind than may be sent. */
export function sendPicture(
  request: FastifyRequest,
  reply: FastifyReply,
  { bytes, format }: Picture,
): Buffer {
  const type = mediaTypeOf(format);
  if (new Accepted(request.headers.accept).quality(type) === 0) {
    throw new ServiceError('NOT_ACCEPTABLE', `What is asked for exists as ${type} only.`);
  }
  reply.type(type);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The answer depends on what is accepted. */
export function varyByAccept(reply: FastifyReply): void {
  const others = reply.getHeader('vary');
  reply.header('vary', others === undefined ? 'Accept' : `${others}, Accept`);
}

function notAcceptable({ task }: ServingModel, formats: readonly PictureFormat[]): ServiceError {
  const have = [JSON_TYPE, ...formats.map(mediaTypeOf)].join(', ');
  return new ServiceError('NOT_ACCEPTABLE', `Answers of the task ${task} exist as ${have}.`);
}
