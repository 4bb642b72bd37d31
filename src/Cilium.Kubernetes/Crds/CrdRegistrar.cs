using System.Buffers;
using System.Text.Json;
using System.Text.Json.Nodes;
using Cilium.Kubernetes.Crds;
using Cilium.Kubernetes.Wire;
using Cilium.Kubernetes.Writing;
using Microsoft.Extensions.Logging;

namespace Cilium.Kubernetes;

/// <summary>Brings the custom resource definitions to the API server, and waits until it serves them.</summary>
public sealed partial class CrdRegistrar
{
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(250);
    private readonly KubernetesObjects _objects;
    private readonly ILogger _logger;

    /// <summary>Makes a registrar.</summary>
    public CrdRegistrar(KubernetesConnection connection, ILogger<CrdRegistrar> logger)
    {
        ArgumentNullException.ThrowIfNull(connection);
        _objects = new KubernetesObjects(connection);
        _logger = logger;
    }

    /// <summary>Creates absent definitions, updates those with an older schema, and waits until all are served.</summary>
    /// <exception cref="KubernetesException">The server refuses a definition.</exception>
    public async Task RegisterAsync(CancellationToken cancellationToken)
    {
        foreach (var definition in CustomResourceDefinitions.All)
        {
            await RegisterAsync(definition, cancellationToken);
        }

        await WaitServedAsync(cancellationToken);
    }

    /// <summary>Waits until the server serves all definitions, whoever registers them.</summary>
    public async Task WaitServedAsync(CancellationToken cancellationToken)
    {
        foreach (var definition in CustomResourceDefinitions.All)
        {
            while (!IsEstablished(await ReadAsync(definition, cancellationToken)))
            {
                await Task.Delay(PollInterval, _objects.Time, cancellationToken);
            }
        }
    }

    private async Task RegisterAsync(CrdDefinition definition, CancellationToken cancellationToken)
    {
        while (true)
        {
            var present = await ReadAsync(definition, cancellationToken);
            var version = VersionOf(present);
            if (present is not null && version >= CustomResourceDefinitions.SchemaVersion)
            {
                return;
            }

            try
            {
                if (present is null)
                {
                    await _objects.CreateAsync(
                        Resource.CustomResourceDefinitions, "", New(definition, null), WireJson.Default.CrdWire, cancellationToken);
                    LogCreated(_logger, definition.Name);
                }
                else
                {
                    await _objects.UpdateAsync(
                        Resource.CustomResourceDefinitions, KeyOf(definition), New(definition, present), WireJson.Default.CrdWire, cancellationToken);
                    LogUpdated(_logger, definition.Name, version?.ToString() ?? "none", CustomResourceDefinitions.SchemaVersion.ToString());
                }

                return;
            }
            catch (KubernetesException exception) when (exception.IsAlreadyExists || exception.IsConflict)
            {
                // Another operator was faster: look again.
            }
        }
    }

    private Task<CrdWire?> ReadAsync(CrdDefinition definition, CancellationToken cancellationToken) =>
        _objects.GetAsync(Resource.CustomResourceDefinitions, KeyOf(definition), WireJson.Default.CrdWire, cancellationToken);

    private static NamespacedName KeyOf(CrdDefinition definition) => new("", definition.Name);

    private static bool IsEstablished(CrdWire? definition) =>
        definition?.Status?.Conditions?.Exists(condition => condition is { Type: "Established", Status: "True" }) ?? false;

    private static Version? VersionOf(CrdWire? definition) =>
        definition?.Metadata?.Labels is { } labels
        && labels.TryGetValue(CustomResourceDefinitions.VersionLabel, out var text)
        && Version.TryParse(text, out var version)
            ? version
            : null;

    private static CrdWire New(CrdDefinition definition, CrdWire? present)
    {
        var labels = present?.Metadata?.Labels ?? [];
        labels[CustomResourceDefinitions.VersionLabel] = CustomResourceDefinitions.SchemaVersion.ToString();
        return new CrdWire
        {
            ApiVersion = Resource.CustomResourceDefinitions.ApiVersion,
            Kind = Resource.CustomResourceDefinitions.Kind,
            Metadata = new MetaWire
            {
                Name = definition.Name,
                Labels = labels,
                Annotations = present?.Metadata?.Annotations,
                ResourceVersion = present?.Metadata?.ResourceVersion,
            },
            Spec = ToElement(definition.Spec()),
        };
    }

    private static JsonElement ToElement(JsonObject value)
    {
        var buffer = new ArrayBufferWriter<byte>(16 * 1024);
        using (var writer = new Utf8JsonWriter(buffer))
        {
            value.WriteTo(writer);
        }

        using var document = JsonDocument.Parse(buffer.WrittenMemory);
        return document.RootElement.Clone();
    }

    [LoggerMessage(1, LogLevel.Information, "Created the definition {Name}")]
    private static partial void LogCreated(ILogger logger, string name);

    [LoggerMessage(2, LogLevel.Information, "Updated the definition {Name} from schema {Old} to {New}")]
    private static partial void LogUpdated(ILogger logger, string name, string old, string @new);
}
