# Runs the official interop server of Ruby, which listens on every interface and does not say where, on the loopback interface,
# and prints where:
#
#   ruby loopback.rb SERVER.rb --port=0 --use_tls=false

require 'grpc'

# Changes the address that a server is to listen on.
module Loopback
  def add_http2_port(address, credentials)
    port = super(address.sub('0.0.0.0', '127.0.0.1'), credentials)
    puts "listening on 127.0.0.1:#{port}"
    $stdout.flush
    port
  end
end

GRPC::RpcServer.prepend(Loopback)
load ARGV.shift
