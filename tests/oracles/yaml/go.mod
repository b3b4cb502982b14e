module yaml

go 1.25

// The version that octl is built with.
require gopkg.in/yaml.v3 v3.0.1
