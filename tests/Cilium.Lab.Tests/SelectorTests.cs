using System.Text.Json.Nodes;
using Cilium.Lab.Storage;
using FsCheck.Xunit;

namespace Cilium.Lab.Tests;

public sealed class SelectorTests
{
    private static readonly JsonObject Labels = new() { ["app"] = "web", ["tier"] = "front", ["n"] = "5" };

    [Theory]
    [InlineData("", true)]
    [InlineData("app=web", true)]
    [InlineData("app==web,tier!=back", true)]
    [InlineData("app in (db, web),tier", true)]
    [InlineData("app notin (web)", false)]
    [InlineData("!missing", true)]
    [InlineData("missing", false)]
    [InlineData("n>4,n<6", true)]
    [InlineData("n>5", false)]
    public void Label_selectors_match(string selector, bool expected) => Assert.Equal(expected, LabelSelector.Parse(selector).Matches(Labels));

    [Theory]
    [InlineData("a b")]
    [InlineData("a in (b")]
    [InlineData("a on (b)")]
    public void Malformed_label_selectors_are_refused(string selector) => Assert.Throws<ApiException>(() => LabelSelector.Parse(selector));

    [Fact]
    public void Field_selectors_compare_paths()
    {
        var pod = (JsonObject)JsonNode.Parse("""{"metadata":{"name":"p"},"spec":{"nodeName":"n"},"status":{"phase":"Running"}}""")!;

        Assert.True(FieldSelector.Parse("spec.nodeName=n,status.phase!=Failed").Matches(pod));
        Assert.False(FieldSelector.Parse("metadata.name==q").Matches(pod));
    }

    [Property(MaxTest = 300)]
    public void Selectors_of_any_text_parse_or_are_refused(string text)
    {
        Assert.True(Record.Exception(() => LabelSelector.Parse(text).Matches(Labels)) is null or ApiException);
        Assert.True(Record.Exception(() => FieldSelector.Parse(text).Matches(Labels)) is null or ApiException);
    }
}
