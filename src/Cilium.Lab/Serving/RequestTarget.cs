using Cilium.Lab.Storage;

namespace Cilium.Lab.Serving;

/// <summary>The resource a request path names.</summary>
internal sealed record RequestTarget(ResourceKind Kind, string Version, string? Namespace, string? Name, string? Subresource)
{
    public ObjectKey Key => new(Kind.Id, Kind.Namespaced ? Namespace ?? "" : "", Name ?? "");

    /// <summary>
    /// Reads <c>/api/v1/…</c> and <c>/apis/GROUP/VERSION/…</c>: <c>[namespaces/NS/]PLURAL[/NAME[/SUBRESOURCE…]]</c>. Null when the path
    /// names no resource.
    /// </summary>
    public static RequestTarget? Parse(string path, ResourceCatalog catalog)
    {
        var parts = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        string group, version;
        string[] rest;
        switch (parts)
        {
            case ["api", var core, .. var tail]:
                (group, version, rest) = ("", core, tail);
                break;
            case ["apis", var named, var served, .. var tail]:
                (group, version, rest) = (named, served, tail);
                break;
            default:
                return null;
        }

        if (rest is ["watch", .. var watched]) rest = watched;
        return rest switch
        {
            ["namespaces"] when group.Length == 0 => Make(catalog, group, version, "namespaces", null, null, null),
            ["namespaces", var name] when group.Length == 0 => Make(catalog, group, version, "namespaces", null, name, null),
            ["namespaces", var name, "status" or "finalize"] when group.Length == 0 => Make(catalog, group, version, "namespaces", null, name, rest[2]),
            ["namespaces", var ns, var plural] => Make(catalog, group, version, plural, ns, null, null),
            ["namespaces", var ns, var plural, var name] => Make(catalog, group, version, plural, ns, name, null),
            ["namespaces", var ns, var plural, var name, .. var sub] => Make(catalog, group, version, plural, ns, name, string.Join('/', sub)),
            [var plural] => Make(catalog, group, version, plural, null, null, null),
            [var plural, var name] => Make(catalog, group, version, plural, null, name, null),
            [var plural, var name, .. var sub] => Make(catalog, group, version, plural, null, name, string.Join('/', sub)),
            _ => null,
        };
    }

    private static RequestTarget? Make(
        ResourceCatalog catalog, string group, string version, string plural, string? ns, string? name, string? subresource)
    {
        if (catalog.Find(new ResourceId(group, plural)) is not { } kind || kind.Version(version) is null) return null;
        return new RequestTarget(kind, version, ns, name, subresource);
    }
}
