ARG NODE_IMAGE=docker.io/library/node:24-bookworm-slim
# sha256:..., to pin the tag
ARG NODE_DIGEST=

FROM ${NODE_IMAGE}${NODE_DIGEST:+@${NODE_DIGEST}} AS node

FROM node AS build
WORKDIR /app
COPY .npmrc package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY service service
COPY bridge bridge
RUN npm run build

# What runs, for this platform alone.
FROM node AS dependencies
WORKDIR /app
COPY .npmrc package.json package-lock.json ./
RUN npm ci --omit=dev --no-audit --no-fund
# Dependencies that only their packages' own build or install scripts use, and with them all that nothing else needs.
RUN npm pkg delete --prefix node_modules/@julusian/jpeg-turbo dependencies \
 && npm pkg delete --prefix node_modules/onnxruntime-node dependencies.adm-zip dependencies.global-agent \
 && rm package-lock.json node_modules/.package-lock.json \
 && npm query ':extraneous' >/tmp/unused.json \
 && node -e 'for (const { path } of JSON.parse(fs.readFileSync("/tmp/unused.json"))) fs.rmSync(path, { recursive: true, force: true })'
# Binaries of other platforms, sources of native code, and what only people or compilers read. Licences stay.
RUN cd node_modules \
 && arch=$(node -p process.arch) \
 && find onnxruntime-node/bin -mindepth 3 -maxdepth 3 -type d ! -path "*/linux/$arch" -exec rm -r {} + \
 && find @julusian/jpeg-turbo/prebuilds -mindepth 1 -maxdepth 1 ! -name "jpeg-turbo-linux-$arch" -exec rm -r {} + \
 && rm -r @koromix/*/musl_* koffi/doc koffi/lib koffi/vendor koffi/cnoke.cjs \
 && find koffi/src -type f ! -name '*.cjs' ! -name '*.js' -delete \
 && rm -r onnxruntime-node/script onnxruntime-node/lib @julusian/jpeg-turbo/src .bin \
 && find dejavu-fonts-ttf -type f ! -name DejaVuSans.ttf ! -name LICENSE ! -name package.json -delete \
 && rm -rf @aws-sdk/*/dist-es @aws-sdk/*/dist-types @smithy/*/dist-es @smithy/*/dist-types \
 && rm -rf @opentelemetry/*/build/esm @opentelemetry/*/build/esnext @opentelemetry/semantic-conventions/dist/experimental_* \
 && find . -type f \( -name '*.map' -o -name '*.ts' -o -name '*.mts' -o -name '*.cts' -o -name '*.md' \
      -o -name '*.test.js' -o -name '*.spec.js' \) ! -iname 'licen[cs]e*' -delete \
 && find . -type d \( -name test -o -name tests -o -name __tests__ -o -name spec -o -name specs \
      -o -name e2e -o -name integration -o -name example -o -name examples \
      -o -name benchmark -o -name benchmarks -o -name docs -o -name .github \) \
      -regextype posix-extended -regex '(.*/node_modules|\.)/(@[^/]+/)?[^/@]+/[^/]+' -prune -exec rm -r {} + \
 && find . -type d -empty -delete

# Decodes WebP two to three times as fast as the one inside sharp: docs/decisions/0004-two-decoders.md.
FROM node AS libwebp
RUN apt-get update \
 && apt-get install --yes --no-install-recommends libwebp7 \
 && mkdir /libwebp \
 && cp "$(realpath /usr/lib/*/libwebp.so.7)" /libwebp/libwebp.so.7 \
 && cp /usr/share/doc/libwebp7/copyright /libwebp/LICENSE

FROM node AS service
WORKDIR /app
COPY package.json LICENSE* NOTICE* ./
COPY --from=dependencies /app/node_modules node_modules
COPY service/models service/models
COPY service/playground service/playground
COPY --from=libwebp /libwebp lib
COPY --from=build /app/dist/service dist/service
COPY --from=build /app/dist/bridge dist/bridge
# File reads and name look-ups take threads of this pool. ONNX Runtime reports to its maker unless told not to. The pieces
# that bodies arrive in are given back to the system when they are freed: docs/decisions/0010-bodies-in-memory.md.
ENV NODE_ENV=production UV_THREADPOOL_SIZE=8 MODEL_CACHE_DIR=/tmp/models ORT_DISABLE_TELEMETRY=1 \
    MALLOC_ARENA_MAX=2 MALLOC_MMAP_THRESHOLD_=16384 MALLOC_TRIM_THRESHOLD_=131072
USER 1000:1000
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
  CMD ["node", "-e", "require('http').get({ host: '127.0.0.1', port: process.env.MANAGEMENT_PORT || process.env.PORT || 8080, path: '/health', timeout: 4000 }, (answer) => process.exit(answer.statusCode === 200 ? 0 : 1)).on('timeout', () => process.exit(1)).on('error', () => process.exit(1))"]
ENTRYPOINT ["node", "--enable-source-maps", "dist/service/main.js"]
ARG VERSION=0.0.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="cv-inference" \
      org.opencontainers.image.description="Serves an ONNX computer-vision model over HTTP" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"

FROM node AS cuda-libraries
RUN apt-get update && apt-get install --yes --no-install-recommends python3-pip
COPY service/inference/cuda service/inference/cuda
RUN service/inference/cuda/fetch /cuda

FROM service AS cuda
COPY --from=cuda-libraries /cuda node_modules/onnxruntime-node/bin/napi-v6/linux/x64
# The driver is the host's: its container toolkit puts it in. Decoding of plain JPEGs takes as many threads of the pool as
# there are cores.
ENV EXECUTION_PROVIDERS=cuda,cpu UV_THREADPOOL_SIZE=16 \
    LD_LIBRARY_PATH=/app/node_modules/onnxruntime-node/bin/napi-v6/linux/x64 \
    NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
LABEL org.opencontainers.image.description="Serves an ONNX computer-vision model over HTTP, on a GPU"

FROM service AS cpu
