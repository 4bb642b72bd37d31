using System.Diagnostics;
using System.Globalization;
using Cilium.Core;
using Cilium.Datapath.Events;
using Cilium.Hubble.Enrichment;
using Cilium.Hubble.Monitor;
using Cilium.Hubble.Observing;
using Cilium.Hubble.Proto;

namespace Cilium.Benchmarks.Flows;

/// <summary>What a recorded event costs the thread that empties the datapath's ring, and what a flow costs its reader.</summary>
internal static class FlowRecording
{
    // Ethernet, IPv4, TCP SYN with options: 74 bytes.
    private static readonly byte[] Packet = Convert.FromHexString(
        "020000000002" + "020000000001" + "0800" + "4500003c1c46400040060000" + "0a000001" + "0a000002"
        + "9d78005000000001" + "00000000a002faf0" + "00000000020405b4" + "0402080a00000001" + "0000000001030307");

    public static int Run(int events)
    {
        var index = new HubbleIndex();
        var observer = new FlowObserver(new HubbleOptions { SocketPath = "", NodeName = "node" }, index, TimeProvider.System);
        using var monitor = new MonitorServer(Path.Combine(Path.GetTempPath(), "never-started.sock"));
        index.SetEndpoint(IpAddr.Parse("10.0.0.1"), new HubbleEndpoint { Identity = new Identity(34512), Namespace = "default", PodName = "client" });
        var datapathEvent = new DatapathEvent
        {
            Type = DatapathEventType.Trace,
            MonotonicNs = (ulong)Stopwatch.GetTimestamp(),
            SourceIdentity = new Identity(34512),
            DestinationIdentity = new Identity(21001),
        };
        Record(observer.Ring, datapathEvent, events);
        Print("record-ns", Record(observer.Ring, datapathEvent, events));
        Print("monitor-without-listener-ns", Record(monitor, datapathEvent, events));
        var before = GC.GetAllocatedBytesForCurrentThread();
        Record(observer.Ring, datapathEvent, events);
        Print("record-allocated-bytes", (GC.GetAllocatedBytesForCurrentThread() - before) / (double)events);
        Read(observer).GetAwaiter().GetResult();
        var started = Stopwatch.GetTimestamp();
        var flows = Read(observer).GetAwaiter().GetResult();
        Print("read-flow-ns", Stopwatch.GetElapsedTime(started).TotalNanoseconds / flows);
        return 0;
    }

    private static double Record(IDatapathEventSink sink, in DatapathEvent datapathEvent, int events)
    {
        var started = Stopwatch.GetTimestamp();
        for (var i = 0; i < events; i++)
        {
            sink.OnEvent(datapathEvent, Packet);
        }

        return Stopwatch.GetElapsedTime(started).TotalNanoseconds / events;
    }

    private static async Task<int> Read(FlowObserver observer)
    {
        var count = 0;
        await foreach (var response in observer.GetFlowsAsync(new GetFlowsRequest(), CancellationToken.None))
        {
            count += response.Flow is null ? 0 : 1;
        }

        return count;
    }

    private static void Print(string name, double value) => Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name} {value:F1}"));
}
