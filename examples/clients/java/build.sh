#!/bin/sh
# Generates the stubs into gen/ and compiles into build/, with the libraries that Debian packages. build/run starts the program.
set -eu
cd "$(dirname "$0")"
mkdir -p gen build
protoc -I../../../proto -I.. --java_out=gen --grpc-java_out=gen \
    --plugin=protoc-gen-grpc-java="$(command -v grpc_java_plugin)" orders.proto error_details.proto

libraries=
for name in grpc-api grpc-context grpc-core grpc-netty grpc-protobuf grpc-protobuf-lite grpc-stub protobuf guava \
    perfmark-api geronimo-annotation-1.3-spec jsr305 netty-buffer netty-codec netty-codec-http netty-codec-http2 \
    netty-codec-socks netty-common netty-handler netty-handler-proxy netty-resolver netty-transport \
    netty-transport-native-unix-common; do
    libraries="$libraries:/usr/share/java/$name.jar"
done
find gen -name '*.java' > build/sources
javac -nowarn -proc:none -cp "${libraries#:}" -d build PlaceAndWatch.java @build/sources

printf '#!/bin/sh\nexec java -cp "%s%s" PlaceAndWatch "$@"\n' "$PWD/build" "$libraries" > build/run
chmod +x build/run
