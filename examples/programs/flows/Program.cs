// Flows in a program of your own: record events, name their ends, ask for what was dropped, and serve it to hubble observe.
using System.Globalization;
using Cilium.Core;
using Cilium.Datapath.Events;
using Cilium.Hubble.Enrichment;
using Cilium.Hubble.Flows;
using Cilium.Hubble.Observing;
using Cilium.Hubble.Printing;
using Cilium.Hubble.Proto;
using Cilium.Hubble.Serving;
using Microsoft.Extensions.Logging.Abstractions;

var options = new HubbleOptions { NodeName = "here", SocketPath = Path.Combine(Path.GetTempPath(), "flows-example.sock") };
var index = new HubbleIndex();
var observer = new FlowObserver(options, index, TimeProvider.System);

index.SetEndpoint(IpAddr.Parse("10.0.0.1"), new HubbleEndpoint
{
    Identity = new Cilium.Core.Identity(34512),
    Namespace = "default",
    PodName = "client",
});

// The ring is the sink that the datapath's reader feeds; here one event is made by hand.
byte[] udp = [0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0x13, 0x88, 0, 53, 0, 8, 0, 0];
var dropped = new DatapathEvent
{
    Type = DatapathEventType.Drop,
    SubType = 133,
    MonotonicNs = FlowClock.MonotonicNs(TimeProvider.System),
    SourceIdentity = new Cilium.Core.Identity(34512),
    DestinationIdentity = Cilium.Core.Identity.World,
    IsL3Device = true,
};
observer.Ring.OnEvent(dropped, udp);

var request = new GetFlowsRequest { Number = 10 };
request.Whitelist.Add(new FlowFilter { SourcePod = { "default/cli" }, Verdict = { Verdict.Dropped } });
using var printer = new FlowPrinter(Console.Out, Console.Error, new FlowPrinterOptions());
await foreach (var response in observer.GetFlowsAsync(request, CancellationToken.None))
{
    printer.Print(response);
}

// The same flows over gRPC: hubble observe --server unix:///tmp/flows-example.sock
await using var server = new HubbleServer(observer, new PeerDirectory(), NullLoggerFactory.Instance);
await server.StartAsync(CancellationToken.None);
var seconds = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 0;
await Task.Delay(TimeSpan.FromSeconds(seconds));
await server.StopAsync(CancellationToken.None);
