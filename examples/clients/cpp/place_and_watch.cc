// Places BUY 1 AAPL MKT through an ibkr-orders gateway and watches it to its end. See README.md for the commands.
//
// ORDERS_SERVER (default http://127.0.0.1:50051) names the gateway, ORDERS_SERVER_CA a PEM file with the authority of an
// https:// one, ORDERS_TOKEN a bearer token.
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <memory>
#include <random>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>

#include <grpcpp/grpcpp.h>

#include "error_details.pb.h"
#include "orders.grpc.pb.h"

namespace pb = ibkr::orders::v1;
using Stub = pb::OrderService::Stub;
using std::chrono::milliseconds;
using std::chrono::seconds;

static std::string env(const char* name, const char* otherwise) {
  const char* value = std::getenv(name);
  return value ? value : otherwise;
}

static void expect(bool condition, const std::string& otherwise) {
  if (!condition) throw std::runtime_error(otherwise);
}

static void expect(const grpc::Status& status) {
  expect(status.ok(), "status " + std::to_string(status.error_code()) + ": " + status.error_message());
}

// What every call carries: a limit of time and, where there is one, the token.
struct Context : grpc::ClientContext {
  explicit Context(seconds limit) {
    set_deadline(std::chrono::system_clock::now() + limit);
    if (auto token = env("ORDERS_TOKEN", ""); !token.empty()) AddMetadata("authorization", "Bearer " + token);
  }
};

static std::unique_ptr<Stub> connect() {
  std::string address = env("ORDERS_SERVER", "http://127.0.0.1:50051");
  bool tls = address.rfind("https://", 0) == 0;
  if (auto end = address.find("://"); end != std::string::npos) address.erase(0, end + 3);
  std::shared_ptr<grpc::ChannelCredentials> credentials = grpc::InsecureChannelCredentials();
  if (tls) {
    grpc::SslCredentialsOptions options;
    if (auto ca = env("ORDERS_SERVER_CA", ""); !ca.empty()) {
      std::ostringstream pem;
      pem << std::ifstream(ca).rdbuf();
      options.pem_root_certs = pem.str();
    }
    credentials = grpc::SslCredentials(options);
  }
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // a connection of its own for each stub
  return pb::OrderService::NewStub(grpc::CreateCustomChannel(address, credentials, arguments));
}

// The gateway's reason; empty for a status that no gateway made. A proxy or a gRPC library promises nothing, whatever its code says.
static std::string reason_of(const grpc::Status& status) {
  google::rpc::Status rich;
  google::rpc::ErrorInfo info;
  rich.ParseFromString(status.error_details());
  for (const auto& detail : rich.details()) {
    if (detail.UnpackTo(&info) && info.domain() == "ibkr.orders.v1") return info.reason();
  }
  return "";
}

// Repeats a Place whose outcome is not known, or that the gateway could not take now. That is safe because, and only because, it has a
// request id: the same request never makes a second order.
static grpc::Status place(Stub& orders, const pb::PlaceRequest& request, pb::PlaceResponse* response) {
  expect(!request.request_id().empty(), "a place that may be repeated needs a request id");
  for (int attempt = 1;; ++attempt) {
    Context context(seconds(10));
    auto status = orders.Place(&context, request, response);
    auto reason = reason_of(status);
    bool unknown = reason.empty() || reason == "INTERNAL" || status.error_code() == grpc::UNAVAILABLE;
    if (status.ok() || attempt == 5 || !unknown) return status;
    std::this_thread::sleep_for(milliseconds(200) * (1 << attempt));
  }
}

static std::string name(const pb::OrderState& order) { return pb::OrderState::Status_Name(order.status()); }

static std::string describe(const pb::WatchResponse& response) {
  std::ostringstream line;
  line << response.sequence() << ' ';
  switch (response.event_case()) {
    case pb::WatchResponse::kOrder:
      line << name(response.order()) << ", filled " << response.order().filled() << " of " << response.order().quantity();
      break;
    case pb::WatchResponse::kFill:
      line << "fill of " << response.fill().quantity() << " at " << response.fill().price();
      break;
    case pb::WatchResponse::kLink:
      line << "link: " << response.link().text();
      break;
    case pb::WatchResponse::kSnapshotEnd:
      line << "snapshot_end";
      break;
    case pb::WatchResponse::kHeartbeat:
      line << "heartbeat";
      break;
    case pb::WatchResponse::EVENT_NOT_SET:
      line << "an event newer than this program";
      break;
  }
  return line.str();
}

// Follows an order from what Place answered to its end. A stream that breaks is opened again after the last sequence
// seen, so each event shows once. The first stream is broken here on purpose.
static pb::OrderState watch(Stub& orders, const pb::OrderState& placed) {
  pb::WatchRequest request;
  request.set_order_id(placed.order_id());
  request.set_after_sequence(placed.sequence());
  request.mutable_max_wait()->set_seconds(60);
  pb::OrderState last = placed;
  for (int attempt = 1; attempt <= 5; ++attempt) {
    Context context(seconds(90));
    auto stream = orders.Watch(&context, request);
    pb::WatchResponse response;
    while (stream->Read(&response)) {
      request.set_after_sequence(response.sequence());
      if (response.has_order()) last = response.order();
      std::cout << "watch: " << describe(response) << std::endl;
      if (attempt == 1) {
        std::cout << "watch: breaking the stream, to go on after " << response.sequence() << std::endl;
        context.TryCancel();
      }
    }
    auto status = stream->Finish();
    if (status.ok()) return last;  // the server ended it: the order has ended
    if (!reason_of(status).empty() && status.error_code() != grpc::UNAVAILABLE) expect(status);
    std::this_thread::sleep_for(milliseconds(100) * attempt);
  }
  throw std::runtime_error("the watch of order " + std::to_string(placed.order_id()) + " broke five times");
}

// Says what a refused call carried, and answers its reason.
static std::string explain(const std::string& what, const grpc::Status& status) {
  google::rpc::Status rich;
  google::rpc::ErrorInfo info;
  google::rpc::BadRequest violations;
  rich.ParseFromString(status.error_details());
  for (const auto& detail : rich.details()) {
    if (detail.Is<google::rpc::ErrorInfo>()) detail.UnpackTo(&info);
    if (detail.Is<google::rpc::BadRequest>()) detail.UnpackTo(&violations);
  }
  std::cout << what << ": status " << status.error_code() << ' ' << info.reason() << ": " << status.error_message() << std::endl;
  for (const auto& violation : violations.field_violations()) {
    std::cout << "  " << violation.field() << ": " << violation.description() << std::endl;
  }
  return info.reason();
}

static void run() {
  auto orders = connect();
  // Streams that nobody reads block other calls of their connection: a watch gets a connection of its own.
  auto watches = connect();

  pb::HealthResponse health;
  Context health_context(seconds(10));
  expect(orders->Health(&health_context, pb::HealthRequest(), &health));
  std::cout << "health: gateway " << health.version() << ", connected " << health.connected() << ", accounts";
  for (const auto& account : health.accounts()) std::cout << ' ' << account;
  std::cout << std::endl;
  expect(health.connected(), "the gateway cannot place orders: " + health.error());

  pb::ValidateRequest bad;
  bad.mutable_order()->set_action(pb::Order::BUY);
  bad.mutable_order()->set_symbol("AAPL");
  bad.mutable_order()->set_order_type(pb::Order::LMT);
  bad.mutable_order()->set_quantity("-1");
  pb::ValidateResponse checked;
  Context validate_context(seconds(5));
  expect(orders->Validate(&validate_context, bad, &checked));
  expect(!checked.valid(), "an order without limit and with a negative quantity passed");
  for (const auto& error : checked.errors()) {
    std::string path;
    for (const auto& step : error.loc()) path += path.empty() ? step : "." + step;
    std::cout << "validate: " << path << ": " << error.msg() << " (" << error.type() << ")" << std::endl;
  }
  pb::PlaceRequest refused;
  *refused.mutable_order() = bad.order();
  pb::PlaceResponse placed;
  Context place_context(seconds(10));
  expect(explain("place", orders->Place(&place_context, refused, &placed)) == "ORDER_INVALID",
         "the invalid order was not refused as ORDER_INVALID");

  std::random_device random;
  pb::PlaceRequest request;
  request.mutable_order()->set_action(pb::Order::BUY);
  request.mutable_order()->set_symbol("AAPL");
  request.mutable_order()->set_order_type(pb::Order::MKT);
  request.mutable_order()->set_quantity("1");
  request.set_transmit(true);
  request.set_request_id("cpp-" + std::to_string(random()) + "-" + std::to_string(random()));
  expect(place(*orders, request, &placed));
  std::cout << "place: order " << placed.order_id() << " is " << name(placed.state()) << ", request "
            << placed.request_id() << std::endl;
  pb::PlaceResponse again;
  expect(place(*orders, request, &again));
  expect(again.replayed() && again.order_id() == placed.order_id(), "the same request made a second order");
  std::cout << "place again: still order " << again.order_id() << std::endl;

  auto end = watch(*watches, placed.state());
  expect(end.status() == pb::OrderState::FILLED, "the order ended " + name(end) + ": " + end.last_error());

  auto other = request;
  other.mutable_order()->set_quantity("2");
  expect(explain("place other order", place(*orders, other, &again)) == "REQUEST_ID_REUSED",
         "a request id was taken for another order");

  pb::GetRequest get;
  get.set_placed_as(request.request_id());
  pb::GetResponse got;
  Context get_context(seconds(5));
  expect(orders->Get(&get_context, get, &got));
  std::cout << "done: order " << got.order().order_id() << ' ' << name(got.order()) << " at "
            << got.order().avg_fill_price() << ", " << got.fills_size() << " fill(s), commission "
            << got.order().commission() << std::endl;
}

int main() {
  try {
    run();
  } catch (const std::exception& error) {
    std::cerr << "failed: " << error.what() << std::endl;
    return 1;
  }
}
