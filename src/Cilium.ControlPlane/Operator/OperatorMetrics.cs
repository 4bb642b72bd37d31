using System.Globalization;
using System.Text;

namespace Cilium.ControlPlane.Operator;

/// <summary>The operator's counters, printed in the text format of Prometheus. Names are upstream's.</summary>
/// <remarks>Thread-safe.</remarks>
public sealed class OperatorMetrics
{
    private int _identitiesAlive;
    private int _identitiesDeleted;
    private long _identityRuns;
    private long _endpointsDeleted;

    /// <summary>Counts a look at the identities.</summary>
    public void IdentitiesCollected(int alive, int deleted)
    {
        Volatile.Write(ref _identitiesAlive, alive);
        Volatile.Write(ref _identitiesDeleted, deleted);
        Interlocked.Increment(ref _identityRuns);
    }

    /// <summary>Counts a deleted CiliumEndpoint.</summary>
    public void EndpointCollected() => Interlocked.Increment(ref _endpointsDeleted);

    /// <summary>Prints all.</summary>
    /// <param name="isLeader">True while this operator leads.</param>
    /// <param name="processStart">When the process started.</param>
    public string Print(bool isLeader, DateTimeOffset processStart)
    {
        var text = new StringBuilder();
        Add(text, "leader", "gauge", "1 while this operator leads", "", isLeader ? 1 : 0);
        Add(text, "identity_gc_entries", "gauge", "Identities at the end of the last garbage collection",
            "{identity_type=\"crd\",status=\"alive\"}", Volatile.Read(ref _identitiesAlive));
        text.Append(CultureInfo.InvariantCulture, $"cilium_operator_identity_gc_entries{{identity_type=\"crd\",status=\"deleted\"}} {Volatile.Read(ref _identitiesDeleted)}\n");
        Add(text, "identity_gc_runs", "counter", "Garbage collections of identities",
            "{identity_type=\"crd\",outcome=\"success\"}", Interlocked.Read(ref _identityRuns));
        Add(text, "endpoint_gc_objects", "counter", "Deleted CiliumEndpoints", "{outcome=\"success\"}", Interlocked.Read(ref _endpointsDeleted));
        Add(text, "process_resident_memory_bytes", "gauge", "Resident memory size in bytes", "", Environment.WorkingSet);
        Add(text, "process_start_time_seconds", "gauge", "Start time of the process in seconds since 1970", "", processStart.ToUnixTimeSeconds());
        return text.ToString();
    }

    private static void Add(StringBuilder text, string name, string type, string help, string labels, long value) =>
        text.Append(CultureInfo.InvariantCulture, $"# HELP cilium_operator_{name} {help}\n# TYPE cilium_operator_{name} {type}\ncilium_operator_{name}{labels} {value}\n");
}
