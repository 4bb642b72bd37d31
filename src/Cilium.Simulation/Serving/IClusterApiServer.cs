using System.Net;

namespace Cilium.Simulation.Serving;

/// <summary>The API server of a simulated cluster, which answers in this process. Thread-safe.</summary>
public interface IClusterApiServer : IDisposable
{
    /// <summary>Answers requests of the Kubernetes API. The body of a watch is a stream that ends when it is disposed.</summary>
    HttpMessageHandler Handler { get; }

    /// <summary>Whether no request is being answered, and every open watch was told all that has happened and asks for more.</summary>
    bool IsQuiet { get; }

    /// <summary>The revision of the last write; grows with every write.</summary>
    long Revision { get; }
}

/// <summary>Makes the API server of a cluster.</summary>
/// <param name="serviceRanges">The ranges of services; the family of the first is their default one.</param>
/// <param name="clock">The clock of the cluster, which stamps objects and ends watches.</param>
public delegate IClusterApiServer ClusterApiServerFactory(IReadOnlyList<IPNetwork> serviceRanges, TimeProvider clock);
