using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Cilium.Core;
using Cilium.Datapath.Kernel;
using Cilium.Kubernetes;
using Cilium.Netlink;
using Cilium.Simulation.Explaining;
using Cilium.Simulation.Snapshots;
using Cilium.VirtualNetwork.Captures;

namespace Cilium.LabTests;

/// <summary>
/// Asks copies of the nodes about every connection that Hubble tells of, and compares: what a pod or the node sent is asked as such, what came from
/// outside the node is replayed from a capture. Pods and policies must stay as they are from the start to the comparison.
/// </summary>
public sealed class ExplainedFlows : IAsyncDisposable
{
    private const string Underlay = "eth0";
    private const string LongestSeconds = "300";
    private const string HostIdentity = "1";
    private const int DropEvent = 1;
    private const int VerdictEvent = 5;
    private static readonly TimeSpan s_quiet = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_longestQuiet = TimeSpan.FromSeconds(10);
    private readonly LabFixture _lab;
    private readonly DateTimeOffset _since = DateTimeOffset.UtcNow;
    private readonly Dictionary<string, (Process Process, string File)> _captures = [];

    private ExplainedFlows(LabFixture lab) => _lab = lab;

    /// <summary>Begins to listen on the underlay of all nodes.</summary>
    public static async Task<ExplainedFlows> StartAsync(LabFixture lab)
    {
        ArgumentNullException.ThrowIfNull(lab);
        var flows = new ExplainedFlows(lab);
        try
        {
            foreach (var node in lab.Lab.NodeNames) await flows.ListenAsync(node);
            return flows;
        }
        catch
        {
            await flows.DisposeAsync();
            throw;
        }
    }

    /// <summary>Compares; what differs fails the test, and so do fewer comparisons than there must be, questions to the DNS left out.</summary>
    public async Task AgreeAsync(int delivered, int dropped)
    {
        await QuietAsync();
        await StopAsync();
        // Hubble tells of the last flows a moment after them.
        var compared = await LabFixture.EventuallyAsync(
            CompareAsync,
            compared => compared.Differences.Count == 0 && compared.Of(Outcome.Delivered) >= delivered && compared.Of(Outcome.Dropped) >= dropped, 20);
        TestContext.Current.TestOutputHelper?.WriteLine($"explained as they were: {compared}");
    }

    public async ValueTask DisposeAsync() => await StopAsync();

    private async Task<Comparison> CompareAsync()
    {
        var differences = new List<string>();
        var counts = new Dictionary<Outcome, int>();
        foreach (var node in _lab.Lab.NodeNames)
        {
            var frames = FramesOf(node);
            var flows = await FlowsOfAsync(node);
            using var ns = NetworkNamespace.Open(NetworkNamespace.PathOf(_lab.Lab.NamespaceOfNode(node)));
            using var copy = NodeSnapshot.Take(Path.Combine(_lab.Lab.FolderOfNode(node), "bpf"), NodeNamespace.Other(ns), _ => null, _ => null);
            foreach (var (connection, events) in flows)
            {
                if (Explain(copy, connection, events, frames) is not { } walk)
                {
                    differences.Add($"{node}: {connection}: nobody here sent it, and no frame of it came");
                    continue;
                }

                counts[walk.Outcome] = counts.GetValueOrDefault(walk.Outcome) + 1;
                var (seen, told) = ($"{Seen(events)} ({Decided(events)})", $"{Told(walk)} ({Decided(walk)})");
                if (seen != told) differences.Add($"{node}: {connection}: seen {seen}, explained {told} at {walk.Where}");
            }
        }

        return new Comparison(differences, counts);
    }

    // A frame for a service has the backend's address by the time a flow is told of; who sent it, and from which port, stays.
    private static Walk? Explain(NodeSnapshot copy, Connection connection, List<JsonNode> events, Dictionary<Connection, ReadOnlyMemory<byte>> frames)
    {
        var question = new Question(new NamespacedName("lab", "flow"), connection.Destination.ToString(), connection.DestinationPort, connection.Protocol);
        if (frames.TryGetValue(connection, out var frame)) return copy.ExplainFrame(Underlay, frame);
        if (connection.SourcePort != 0 && frames.Keys.FirstOrDefault(other => connection.IsOfSameSender(other)) is { SourcePort: > 0 } before)
            return copy.ExplainFrame(Underlay, frames[before]);
        var source = events[0]["source"];
        if ((ushort?)(int?)source?["ID"] is { } id and > 0 && source["identity"]?.ToString() != HostIdentity)
            return copy.Explain(new EndpointId(id), connection.Destination, question);
        return source?["identity"]?.ToString() == HostIdentity ? copy.ExplainFromNode(connection.Destination, question) : null;
    }

    private static string Seen(List<JsonNode> events) =>
        events.Find(flow => (int?)flow["event_type"]?["type"] == DropEvent) is { } drop ? $"dropped for {drop["event_type"]!["sub_type"]}" : "passed";

    private static string Told(Walk walk) => walk.Outcome switch
    {
        Outcome.Delivered => "passed",
        Outcome.Dropped when walk.DropReason > 0 => $"dropped for {walk.DropReason}",
        _ => $"{walk.Outcome}: {walk.Reason}",
    };

    // Which policies decided what. A known connection is not asked about again.
    private static string Decided(List<JsonNode> events) => Listed(events.Where(flow => (int?)flow["event_type"]?["type"] == VerdictEvent)
        .Select(flow => $"{flow["traffic_direction"]} {(flow["verdict"]?.ToString() == "DROPPED" ? "denied" : "allowed")}"));

    private static string Decided(Walk walk) => Listed(walk.Decisions.Select(decision => $"{decision.Direction} {(decision.Verdict == "allowed" ? "allowed" : "denied")}"));

    private static string Listed(IEnumerable<string> decisions) => string.Join(", ", decisions.Select(decision => decision.ToLowerInvariant()).Distinct().Order());

    private async Task<List<(Connection Connection, List<JsonNode> Events)>> FlowsOfAsync(string node)
    {
        var text = await LabFixture.RunAsync(
            _lab.Binary("hubble"), "observe", "--server", $"unix://{_lab.Lab.FolderOfNode(node)}/run/hubble.sock", "--last", "4095", "-o", "jsonpb");
        var flows = text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonNode.Parse(line)!["flow"])
            .Where(flow => flow is not null && DateTimeOffset.Parse(flow["time"]!.ToString(), CultureInfo.InvariantCulture) >= _since && flow["Type"]?.ToString() == "L3_L4" && (bool?)flow["is_reply"] != true)
            .Select(flow => (Connection: Connection.Of(flow!), Flow: flow!))
            .Where(flow => flow.Connection is not null);
        return [.. flows.GroupBy(flow => flow.Connection!.Value, flow => flow.Flow).Select(group => (group.Key, group.ToList()))];
    }

    // The first frame of each connection.
    private Dictionary<Connection, ReadOnlyMemory<byte>> FramesOf(string node)
    {
        using var stream = File.OpenRead(_captures[node].File);
        var frames = new Dictionary<Connection, ReadOnlyMemory<byte>>();
        foreach (var frame in CaptureReader.Open(stream).ReadAll())
        {
            if (Connection.Of(frame.Bytes.Span) is { } connection) frames.TryAdd(connection, frame.Bytes);
        }

        return frames;
    }

    // Should these tests be killed, the capture ends by itself.
    private async Task ListenAsync(string node)
    {
        var file = Path.Combine(_lab.Lab.FolderOfNode(node), "flows.pcap");
        string[] capture = ["ip", "netns", "exec", _lab.Lab.NamespaceOfNode(node), "tcpdump", "-i", Underlay, "-Q", "in", "--immediate-mode", "-U", "-w", file];
        var process = Process.Start(new ProcessStartInfo("timeout", [LongestSeconds, .. capture]) { RedirectStandardError = true })!;
        _captures[node] = (process, file);
        Assert.Contains("listening", await process.StandardError.ReadLineAsync(CancellationToken.None), StringComparison.Ordinal);
    }

    // An interrupted capture loses what it has not read yet. Other traffic may go on: who has not read for long by then has read what is asked about.
    private async Task QuietAsync()
    {
        var (began, grown, sizes) = (Stopwatch.GetTimestamp(), Stopwatch.GetTimestamp(), new List<long>());
        while (Stopwatch.GetElapsedTime(grown) < s_quiet && Stopwatch.GetElapsedTime(began) < s_longestQuiet)
        {
            await Task.Delay(100, CancellationToken.None);
            List<long> now = [.. _captures.Values.Select(capture => new FileInfo(capture.File).Length)];
            if (!now.SequenceEqual(sizes)) (grown, sizes) = (Stopwatch.GetTimestamp(), now);
        }
    }

    private async Task StopAsync()
    {
        foreach (var (process, _) in _captures.Values.Where(capture => !capture.Process.HasExited))
        {
            await LabFixture.RunAsync("kill", "-INT", process.Id.ToString(CultureInfo.InvariantCulture));
            await process.WaitForExitAsync(CancellationToken.None);
        }
    }

    /// <summary>What was explained otherwise than it was, and how often what became of a flow.</summary>
    private sealed record Comparison(List<string> Differences, Dictionary<Outcome, int> Counts)
    {
        public int Of(Outcome outcome) => Counts.GetValueOrDefault(outcome);

        public override string ToString() => string.Join('\n', Differences.Prepend(string.Join(", ", Counts.Select(count => $"{count.Value} {count.Key}"))));
    }
}
