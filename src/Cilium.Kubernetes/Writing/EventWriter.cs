using Cilium.Kubernetes.Wire;
using Cilium.Kubernetes.Writing;

namespace Cilium.Kubernetes;

/// <summary>Writes events about objects, which <c>kubectl describe</c> shows.</summary>
/// <remarks>Thread-safe. Refusals of the server are <see cref="KubernetesException"/>.</remarks>
public sealed class EventWriter
{
    private readonly KubernetesObjects _objects;
    private readonly string _component;
    private readonly string _host;

    /// <summary>Makes a writer.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="component">Who tells: <c>cilium-agent</c>.</param>
    /// <param name="host">The node; empty when it does not matter.</param>
    public EventWriter(KubernetesConnection connection, string component, string host)
    {
        ArgumentNullException.ThrowIfNull(connection);
        _objects = new KubernetesObjects(connection);
        _component = component;
        _host = host;
    }

    /// <summary>Writes one event.</summary>
    /// <param name="resource">The kind of the object.</param>
    /// <param name="key">The object.</param>
    /// <param name="uid">Its uid; may be empty.</param>
    /// <param name="isWarning">True for a warning.</param>
    /// <param name="reason">One word in CamelCase.</param>
    /// <param name="message">A sentence.</param>
    /// <param name="cancellationToken">Cancels the request.</param>
    public Task WriteAsync(
        Resource resource, NamespacedName key, string uid, bool isWarning, string reason, string message, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(resource);
        var now = _objects.Now();
        var inNamespace = key.Namespace.Length == 0 ? "default" : key.Namespace;
        var value = new EventWire
        {
            ApiVersion = "v1",
            Kind = "Event",
            Metadata = new MetaWire { GenerateName = $"{key.Name}.", Namespace = inNamespace },
            InvolvedObject = new ObjectReferenceWire
            {
                ApiVersion = resource.ApiVersion,
                Kind = resource.Kind,
                Namespace = key.Namespace.Length == 0 ? null : key.Namespace,
                Name = key.Name,
                Uid = uid.Length == 0 ? null : uid,
            },
            Type = isWarning ? "Warning" : "Normal",
            Reason = reason,
            Message = message,
            Source = new EventSourceWire { Component = _component, Host = _host.Length == 0 ? null : _host },
            FirstTimestamp = now,
            LastTimestamp = now,
            Count = 1,
        };
        return _objects.CreateAsync(Resource.Events, inNamespace, value, WireJson.Default.EventWire, cancellationToken);
    }
}
