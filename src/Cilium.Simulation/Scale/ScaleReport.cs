using System.Text.Json;
using System.Text.Json.Serialization;

namespace Cilium.Simulation.Scale;

/// <summary>What a simulated cluster of some size showed.</summary>
/// <param name="Options">What was simulated.</param>
/// <param name="Steps">What was done, and how long it took until every node was as it must be.</param>
/// <param name="Maps">What the maps of a node hold.</param>
/// <param name="Memory">What it took.</param>
/// <param name="Flows">The connections that were tried.</param>
/// <param name="EndState">A digest of what has come of it, without numbers of identities and pod CIDRs, which go to whoever asks first.</param>
/// <param name="Api">What went to the API server and came from it; null without one.</param>
public sealed record ScaleReport(
    ScaleOptions Options, IReadOnlyList<ScaleStep> Steps, IReadOnlyList<ScaleMap> Maps, ScaleMemory Memory, ScaleFlows Flows, string EndState, ScaleApi? Api)
{
    /// <summary>Whether no row was missing, every connection went as the reference says, and the API server holds what it must.</summary>
    public bool IsAsExpected => Steps.All(step => step.MissingRows == 0) && Flows.Differences.Count == 0 && Api is null or { Wrong.Count: 0 };

    /// <summary>The report as indented JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, ScaleJson.Default.ScaleReport);
}

/// <summary>A change of the cluster's objects, or the first look at them.</summary>
/// <param name="Name">What happened.</param>
/// <param name="WallSeconds">Seconds of this machine until every agent and datapath had nothing left to do.</param>
/// <param name="VirtualSeconds">Seconds of the cluster's clock: those that something had to wait for. Work takes none.</param>
/// <param name="MissingRows">Entries that a node's maps lacked, or had too many, when everybody thought to be done.</param>
/// <param name="Writes">Requests to the API server that change something; 0 without one.</param>
/// <param name="Events">Events that watches told of; 0 without an API server.</param>
public sealed record ScaleStep(string Name, double WallSeconds, double VirtualSeconds, long MissingRows, long Writes, long Events);

/// <summary>A map of all nodes.</summary>
/// <param name="Name">Its name; all compiled policies of a node are one.</param>
/// <param name="Type">Its type.</param>
/// <param name="Capacity">Entries that fit.</param>
/// <param name="Entries">Entries per node; of an array all there are.</param>
/// <param name="Bytes">Bytes per node; of arrays and ring buffers all that they may ever hold.</param>
public sealed record ScaleMap(string Name, string Type, long Capacity, ScaleSpread Entries, ScaleSpread Bytes);

/// <summary>The least, the middle and the greatest of the nodes.</summary>
public readonly record struct ScaleSpread(long Minimum, long Median, long Maximum)
{
    /// <summary>Of some numbers, of which there is at least one.</summary>
    internal static ScaleSpread Of(IEnumerable<long> numbers)
    {
        var sorted = numbers.Order().ToList();
        return new ScaleSpread(sorted[0], sorted[sorted.Count / 2], sorted[^1]);
    }
}

/// <summary>Memory, in bytes.</summary>
/// <param name="ManagedPerNode">What the runtime holds for each node: tables, derivations, devices, programs.</param>
/// <param name="GrownMapsPerNode">What hash tables and tries of each node have grown to.</param>
/// <param name="Process">What the process has in memory at the end.</param>
/// <param name="ProcessPeak">What it had at most.</param>
public sealed record ScaleMemory(long ManagedPerNode, long GrownMapsPerNode, long Process, long ProcessPeak);

/// <summary>Connections that were tried with real packets.</summary>
/// <param name="Tried">How many.</param>
/// <param name="Established">Those that were made, with a byte that arrived.</param>
/// <param name="Denied">Those whose first packet a policy dropped.</param>
/// <param name="Refused">Those to services without backends.</param>
/// <param name="WallSeconds">Seconds of this machine that it took.</param>
/// <param name="Kinds">How many of each kind.</param>
/// <param name="Differences">Those that went otherwise than the reference says.</param>
public sealed record ScaleFlows(
    int Tried, int Established, int Denied, int Refused, double WallSeconds, IReadOnlyDictionary<string, int> Kinds, IReadOnlyList<ScaleDifference> Differences);

/// <summary>A connection that went otherwise than the reference says.</summary>
/// <param name="From">The pod that connects, with its node.</param>
/// <param name="To">The pod with its node, or the service, that it connects to.</param>
/// <param name="Port">The TCP port.</param>
/// <param name="Expected">What the reference says.</param>
/// <param name="Found">What became of it.</param>
public sealed record ScaleDifference(string From, string To, ushort Port, string Expected, string Found)
{
    /// <inheritdoc/>
    public override string ToString() => $"{From} -> {To} tcp/{Port}: expected {Expected}, but {Found}";
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
[JsonSerializable(typeof(ScaleReport))]
internal sealed partial class ScaleJson : JsonSerializerContext;
