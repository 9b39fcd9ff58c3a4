#!/bin/sh
# Compiles the schema and the client into build/ibkr-orders-client.jar, its documentation, the conformance list and the example, with the libraries
# that Debian packages. build/run CLASS starts a program.
set -eu
cd "$(dirname "$0")"
rm -rf build && mkdir -p build/gen build/proto/ibkr/orders/v1 build/proto/ibkr/orders/client build/stubs build/classes build/test
# Under paths of their own: two files of one name in one program fail.
cp ../../proto/orders.proto build/proto/ibkr/orders/v1/
cp proto/error_details.proto build/proto/ibkr/orders/client/
protoc -Ibuild/proto --java_out=build/gen --grpc-java_out=build/gen --plugin=protoc-gen-grpc-java="$(command -v grpc_java_plugin)" \
    ibkr/orders/v1/orders.proto ibkr/orders/client/error_details.proto

libraries=
for name in grpc-api grpc-context grpc-core grpc-netty grpc-protobuf grpc-protobuf-lite grpc-stub protobuf guava \
    perfmark-api geronimo-annotation-1.3-spec jsr305 netty-buffer netty-codec netty-codec-http netty-codec-http2 \
    netty-codec-socks netty-common netty-handler netty-handler-proxy netty-resolver netty-transport \
    netty-transport-native-unix-common; do
    libraries="$libraries:/usr/share/java/$name.jar"
done
libraries=${libraries#:}
find build/gen -name '*.java' >build/generated
find src -name '*.java' >build/sources
javac -nowarn -proc:none -cp "$libraries" -d build/stubs @build/generated
# Warnings about jars that name other jars are Debian's.
javac -Xlint:all,-path,-classfile -Werror -proc:none -cp "build/stubs:$libraries" -d build/classes @build/sources
jar --create --file build/ibkr-orders-client.jar -C build/stubs . -C build/classes .
javadoc -quiet -Xdoclint:all -Werror -cp "build/stubs:$libraries" -d build/javadoc @build/sources
javac -Xlint:all,-path,-classfile -Werror -proc:none -cp "build/ibkr-orders-client.jar:$libraries" -d build/test test/*.java example/*.java
printf '#!/bin/sh\nexec java -cp "%s" "$@"\n' "$PWD/build/test:$PWD/build/ibkr-orders-client.jar:$libraries" >build/run
chmod +x build/run
