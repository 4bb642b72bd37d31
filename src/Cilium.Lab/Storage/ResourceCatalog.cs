using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Cilium.Lab.Json;

namespace Cilium.Lab.Storage;

/// <summary>The kinds served at present: the built-in ones and those that CustomResourceDefinitions add. Thread-safe.</summary>
internal sealed class ResourceCatalog
{
    private ImmutableDictionary<ResourceId, ResourceKind> kinds = BuiltInKinds.All.ToImmutableDictionary(kind => kind.Id);

    public IEnumerable<ResourceKind> Kinds => Volatile.Read(ref kinds).Values;

    public ResourceKind? Find(ResourceId id) => Volatile.Read(ref kinds).GetValueOrDefault(id);

    public ResourceKind Get(ResourceId id) => Find(id) ?? throw new ApiException(404, "NotFound", "the server could not find the requested resource");

    public ResourceKind? FindByKind(string group, string kind) =>
        Kinds.FirstOrDefault(candidate => candidate.Id.Group == group && candidate.Kind == kind);

    public void Serve(ResourceKind kind) => ImmutableInterlocked.AddOrUpdate(ref kinds, kind.Id, kind, (_, _) => kind);

    public void Withdraw(ResourceId id) => ImmutableInterlocked.TryRemove(ref kinds, id, out _);

    /// <summary>The kind that a CustomResourceDefinition describes.</summary>
    public static ResourceKind FromDefinition(JsonObject definition)
    {
        var spec = definition.Members("spec");
        var names = spec.Members("names");
        var versions = spec.Items("versions").Where(version => version.Flag("served")).ToList();
        var storage = spec.Items("versions").FirstOrDefault(version => version.Flag("storage")).TextOr("v1", "name");
        return new ResourceKind
        {
            Id = new ResourceId(spec.TextOr("", "group"), names.TextOr("", "plural")),
            Kind = names.TextOr("", "kind"),
            ListKind = names.TextOr("", "listKind"),
            Singular = names.Text("singular") is { Length: > 0 } singular ? singular : names.TextOr("", "kind").ToLowerInvariant(),
            Namespaced = spec.Text("scope") == "Namespaced",
            ShortNames = [.. names.Items("shortNames").Select(name => name.Display())],
            Categories = [.. names.Items("categories").Select(name => name.Display())],
            Versions =
            [
                .. versions.Select(version => new ServedVersion(
                    version.TextOr("", "name"), version.Members("schema", "openAPIV3Schema"), version.At("additionalPrinterColumns") as JsonArray)),
            ],
            StorageVersion = storage,
            HasStatus = versions.Any(version => version.Members("subresources", "status") is not null),
            HasScale = versions.Any(version => version.Members("subresources", "scale") is not null),
            IsCustom = true,
        };
    }
}
