# Runs the official interop server of Ruby on the loopback interface, and prints its address. Otherwise it listens on all interfaces,
# and prints no address:
#
#   ruby loopback.rb SERVER.rb --port=0 --use_tls=false

require 'grpc'

# Replaces the address that the server listens on.
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
