using System.Text.Json.Nodes;

namespace Cilium.Lab.Printing;

/// <summary>One column of a printed list.</summary>
/// <param name="Name">The heading.</param>
/// <param name="Cell">The value for an object at a moment.</param>
/// <param name="Wide">Whether it shows only with <c>-o wide</c>.</param>
/// <param name="Type">The OpenAPI type of the value.</param>
internal sealed record TableColumn(string Name, Func<JsonObject, DateTimeOffset, JsonNode?> Cell, bool Wide = false, string Type = "string");
