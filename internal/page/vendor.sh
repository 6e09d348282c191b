#!/bin/sh
# Fetches the chart library that the page embeds, from the npm registry, and records what
# it is. The package's integrity must be the one below: to take another version, change
# both, and look at the page.
set -eu
cd "$(dirname "$0")"

version=1.6.32
integrity=sha512-KIMVnG68zvu5XXUbC4LQEPnhwOxBuLyW1AHtpm6IKTXImkbLgkMy+jabjLgSLMasNuGGzQm/ep3tOkyTxpiQIw==

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
npm pack --silent --ignore-scripts --pack-destination "$work" "uplot@$version" >/dev/null
got=sha512-$(openssl dgst -sha512 -binary "$work/uplot-$version.tgz" | openssl base64 -A)
[ "$got" = "$integrity" ] || {
	echo "uplot $version is $got, and should be $integrity" >&2
	exit 1
}
tar -xzf "$work/uplot-$version.tgz" -C "$work"

to=assets/vendor
mkdir -p $to
cp "$work/package/dist/uPlot.iife.min.js" "$work/package/dist/uPlot.min.css" $to/
cp "$work/package/LICENSE" $to/uPlot.LICENSE
chmod 644 $to/*
{
	echo "package: uplot $version"
	echo "integrity: $integrity"
	(cd $to && sha256sum uPlot.iife.min.js uPlot.min.css uPlot.LICENSE)
} >$to/VERSIONS
cat $to/VERSIONS
